-- SPDX-License-Identifier: MIT
-- The versions of a monthly number, and of what took it back.
SELECT version
FROM society JOIN (
  SELECT society_id, month, subject_type, subject, service, version FROM month_number
  UNION ALL
  SELECT society_id, month, subject_type, subject, service, version FROM month_withdrawal
) AS decided USING (society_id)
WHERE society.name = %(society)s AND month = %(month)s AND subject_type = %(subject_type)s
  AND subject = %(subject)s AND service = %(service)s
ORDER BY version
