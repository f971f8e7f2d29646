-- SPDX-License-Identifier: MIT
-- The check meters beside meters, each where its subject has no other meter of the service.
SELECT DISTINCT own.meter_id AS checked_id,
       a.assignment_id, a.tower, a.subject_type, a.subject, a.label, a.service, a.source, a.legacy,
       a.valid_from, a.valid_to, a.meter_id, manufacturer, serial, last_reading_at, a.author,
       a.reason, a.recorded_at, a.parent
FROM assignment AS own
JOIN assignment AS a USING (society_id, subject_type, subject, service)
JOIN meter ON meter.meter_id = a.meter_id
WHERE own.meter_id = ANY(%(meters)s::int[]) AND own.source <> 'check' AND a.source = 'check'
  AND own.valid_from < %(end)s AND (own.valid_to IS NULL OR own.valid_to > %(start)s)
  AND a.valid_from < %(end)s AND (a.valid_to IS NULL OR a.valid_to > %(start)s)
  AND tstzrange(own.valid_from, own.valid_to) && tstzrange(a.valid_from, a.valid_to)
  AND NOT EXISTS (
    SELECT FROM assignment AS other
    WHERE (other.society_id, other.subject_type, other.subject, other.service)
      = (own.society_id, own.subject_type, own.subject, own.service)
      AND other.source NOT IN ('check', own.source)
      AND other.valid_from < %(end)s AND (other.valid_to IS NULL OR other.valid_to > %(start)s))
ORDER BY checked_id, a.valid_from, a.assignment_id
