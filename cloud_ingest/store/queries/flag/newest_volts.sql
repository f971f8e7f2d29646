-- SPDX-License-Identifier: MIT
-- The newest voltages of meters with three phases that were read lately.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       a.valid_from, m.meter_id, m.manufacturer, m.serial, v.ts, v.volts
FROM meter AS m
JOIN assignment AS a USING (meter_id)
JOIN society AS s ON s.society_id = a.society_id
CROSS JOIN LATERAL (
  SELECT r.ts, array_agg(r.raw * 10::numeric ^ c.scaler ORDER BY c.obis) AS volts
  FROM channel AS c
  CROSS JOIN LATERAL (
    SELECT ts, raw FROM reading
    WHERE channel_id = c.channel_id AND ts > %(since)s AND ts <= %(until)s
    ORDER BY ts DESC LIMIT %(newest)s
  ) AS r
  WHERE c.meter_id = m.meter_id AND c.unit = %(volt)s AND c.obis = ANY(%(phases)s)
  GROUP BY r.ts
  HAVING count(*) = 3
) AS v
WHERE m.last_reading_at > %(since)s AND NOT a.legacy
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
  AND EXISTS (SELECT FROM channel AS third
              WHERE third.meter_id = m.meter_id AND third.obis = %(third)s)
ORDER BY m.meter_id, v.ts
