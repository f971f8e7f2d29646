-- SPDX-License-Identifier: MIT
-- The newest version of each number of a month.
SELECT DISTINCT ON (subject_type, subject, service) message, sha256
FROM month_number
WHERE society_id = %(society_id)s AND month = %(month)s
ORDER BY subject_type, subject, service, version DESC
