-- SPDX-License-Identifier: MIT
-- Which meter serves what now, and when it was last heard.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source, a.legacy,
       a.valid_from, m.meter_id, m.manufacturer, m.serial, m.last_reading_at
FROM assignment AS a
JOIN meter AS m USING (meter_id)
JOIN society AS s ON s.society_id = a.society_id
WHERE a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY a.society_id, a.subject_type, a.subject, a.service, a.source, m.meter_id
