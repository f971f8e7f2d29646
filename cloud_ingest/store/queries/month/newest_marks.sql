-- SPDX-License-Identifier: MIT
-- How the newest number of each subject of a month was sent.
SELECT DISTINCT ON (subject_type, subject, service)
  subject_type, subject, service, quality,
  convert_from(message, 'UTF8')::jsonb -> 'reasons' ? 'incomplete' AS is_incomplete
FROM month_number
WHERE society_id = %(society_id)s AND month = %(month)s
ORDER BY subject_type, subject, service, version DESC
