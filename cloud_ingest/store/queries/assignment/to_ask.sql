-- SPDX-License-Identifier: MIT
-- Whose meters need a person right before a moment: those that are silent, and those without a data port.
SELECT assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent
FROM assignment JOIN meter USING (meter_id)
WHERE assignment.society_id = %(society_id)s AND source <> 'check'
  AND valid_from < %(before)s AND (valid_to IS NULL OR valid_to >= %(before)s)
  AND (legacy OR meter_id = ANY(%(silent)s::int[]))
ORDER BY subject_type, subject, service, valid_from, source
