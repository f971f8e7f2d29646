-- SPDX-License-Identifier: MIT
-- Events of the status of some registers' meters since a time, with whom each serves now.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       m.manufacturer, m.serial, e.log, e.code, e.ts AS at
FROM (SELECT DISTINCT meter_id FROM channel WHERE channel_id = ANY(%(channels)s::int[])) AS own
JOIN meter_event AS e USING (meter_id)
JOIN assignment AS a USING (meter_id)
JOIN society AS s USING (society_id)
JOIN meter AS m USING (meter_id)
WHERE e.log = %(status)s AND e.ts >= %(since)s AND e.code = ANY(%(codes)s::int[])
  AND a.valid_from <= e.ts
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY e.meter_id, e.ts, e.code
