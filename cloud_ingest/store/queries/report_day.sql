-- SPDX-License-Identifier: MIT
-- The readings of a unit's code on a day, by source.
SELECT a.source, r.ts, r.raw, c.unit, c.scaler
FROM assignment AS a
JOIN channel AS c USING (meter_id)
JOIN reading AS r ON r.channel_id = c.channel_id
  AND r.ts >= a.valid_from AND (a.valid_to IS NULL OR r.ts <= a.valid_to)
WHERE a.society_id = %(society_id)s AND a.subject_type = 'unit' AND a.subject = %(unit)s
  AND a.service = %(service)s AND c.obis = %(obis)s
  AND r.ts > %(start)s AND r.ts <= %(end)s
ORDER BY a.source, r.ts
