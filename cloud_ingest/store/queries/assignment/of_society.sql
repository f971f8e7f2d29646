-- SPDX-License-Identifier: MIT
-- Every assignment of a society that holds.
SELECT assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent
FROM assignment JOIN meter USING (meter_id)
WHERE assignment.society_id = %(society_id)s
ORDER BY assignment_id
