-- SPDX-License-Identifier: MIT
-- Which meters served a subject's service at a time, the newest assignment first.
SELECT assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent
FROM assignment JOIN meter USING (meter_id)
WHERE assignment.society_id = %(society_id)s AND subject_type = %(subject_type)s
  AND subject = %(subject)s AND service = %(service)s
  AND valid_from <= %(at)s AND (valid_to IS NULL OR valid_to >= %(at)s)
ORDER BY valid_from DESC, source
