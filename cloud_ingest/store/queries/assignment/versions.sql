-- SPDX-License-Identifier: MIT
-- Every version of a society's assignments, or of one subject's, as they were recorded.
SELECT assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent, superseded_at, taken_back, entry_order, superseded_order
FROM assignment_version JOIN meter USING (meter_id)
WHERE assignment_version.society_id = %(society_id)s
  AND (%(subject)s::text IS NULL OR %(subject)s IN (subject, label))
ORDER BY entry_order
