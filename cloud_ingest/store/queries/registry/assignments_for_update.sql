-- SPDX-License-Identifier: MIT
-- Every assignment of a society.
SELECT assignment_id, tower, subject_type, subject, service, source, manufacturer, serial, legacy,
       valid_from, valid_to
FROM assignment JOIN meter USING (meter_id)
WHERE assignment.society_id = %s
ORDER BY assignment_id
FOR UPDATE OF assignment
