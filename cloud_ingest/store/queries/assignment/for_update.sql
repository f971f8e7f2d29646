-- SPDX-License-Identifier: MIT
-- Every assignment of a society, locked until the transaction ends.
SELECT assignment_id, tower, subject_type, subject, service, source, legacy, valid_from, valid_to,
       meter_id, manufacturer, serial, last_reading_at
FROM assignment JOIN meter USING (meter_id)
WHERE assignment.society_id = %(society_id)s
ORDER BY assignment_id
FOR UPDATE OF assignment
