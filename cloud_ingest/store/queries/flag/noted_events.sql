-- SPDX-License-Identifier: MIT
-- Events of some codes since a time, of meters that serve a subject now.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       m.manufacturer, m.serial, e.log, e.code, e.ts AS at
FROM meter_event AS e
JOIN assignment AS a USING (meter_id)
JOIN society AS s USING (society_id)
JOIN meter AS m USING (meter_id)
WHERE e.ts >= %(since)s AND a.valid_from <= e.ts
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
  AND CASE WHEN e.log = %(status)s THEN e.code = ANY(%(status_codes)s::int[])
           ELSE e.code = ANY(%(log_codes)s::int[]) END
ORDER BY e.meter_id, e.ts, e.code
