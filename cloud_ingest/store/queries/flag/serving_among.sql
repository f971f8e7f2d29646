-- SPDX-License-Identifier: MIT
-- Of meters with one of some serial numbers those that serve a subject now.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       a.valid_from, m.meter_id, m.manufacturer, m.serial
FROM meter AS m
JOIN assignment AS a USING (meter_id)
JOIN society AS s ON s.society_id = a.society_id
WHERE m.serial = ANY(%(serials)s) AND NOT a.legacy
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
