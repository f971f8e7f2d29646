-- SPDX-License-Identifier: MIT
-- Electricity meters of units that were read after midnight, and whose day before was not judged yet,
-- or whose days have changed since.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       a.valid_from, m.meter_id, m.manufacturer, m.serial, coalesce(l.times, 0) AS changes
FROM meter AS m
JOIN assignment AS a USING (meter_id)
JOIN society AS s ON s.society_id = a.society_id
LEFT JOIN load_change AS l ON l.meter_id = m.meter_id
WHERE m.last_reading_at >= %(read_after)s
  AND (m.load_judged IS NULL OR m.load_judged < %(day)s OR l.times IS NOT NULL)
  AND a.service = 'electricity' AND a.subject_type = 'unit' AND NOT a.legacy
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY m.meter_id
LIMIT %(limit)s
