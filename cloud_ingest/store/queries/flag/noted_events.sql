-- SPDX-License-Identifier: MIT
-- Events of some codes, of a status and of event logs each since a time of its own, of meters that
-- serve a subject now. The log of a status is written out, as its index has it.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       m.manufacturer, m.serial, e.log, e.code, e.ts AS at
FROM (
  SELECT meter_id, log, code, ts FROM meter_event
  WHERE log = '0.0.96.10.1.255' AND ts >= %(status_since)s AND code = ANY(%(status_codes)s::int[])
  UNION ALL
  SELECT meter_id, log, code, ts FROM meter_event
  WHERE log <> '0.0.96.10.1.255' AND ts >= %(since)s AND code = ANY(%(log_codes)s::int[])
) AS e
JOIN assignment AS a USING (meter_id)
JOIN society AS s USING (society_id)
JOIN meter AS m USING (meter_id)
WHERE a.valid_from <= e.ts
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY e.meter_id, e.ts, e.code
