-- SPDX-License-Identifier: MIT
-- The registers of meters with a data port that serve somebody now, and whose state is of other
-- rules, of another assignment, or not there. Bulk meters come first: they tell their towers' hours.
SELECT channel_id
FROM assignment AS a
JOIN channel AS c USING (meter_id)
LEFT JOIN rule_state AS s USING (channel_id)
WHERE a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
  AND NOT a.legacy AND c.obis = %(obis)s
  AND (s.channel_id IS NULL OR s.rules <> %(rules)s OR s.assigned_from <> a.valid_from)
ORDER BY a.subject_type = 'bulk' DESC, channel_id
LIMIT %(limit)s
