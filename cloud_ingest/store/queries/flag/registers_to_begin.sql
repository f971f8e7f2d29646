-- SPDX-License-Identifier: MIT
-- The registers of meters with a data port that serve a unit or a common area now, and whose state
-- is of other rules, of another assignment, or not there.
SELECT channel_id
FROM assignment AS a
JOIN channel AS c USING (meter_id)
LEFT JOIN rule_state AS s USING (channel_id)
WHERE a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
  AND a.subject_type IN ('unit', 'common') AND NOT a.legacy AND c.obis = %(obis)s
  AND (s.channel_id IS NULL OR s.rules <> %(rules)s OR s.assigned_from <> a.valid_from)
ORDER BY channel_id
LIMIT %(limit)s
