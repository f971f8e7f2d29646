-- SPDX-License-Identifier: MIT
-- What stands of a month: of each subject and service the newest number, or what took it back.
SELECT DISTINCT ON (subject_type, subject, service) message
FROM society JOIN (
  SELECT society_id, month, subject_type, subject, service, version, message FROM month_number
  UNION ALL
  SELECT society_id, month, subject_type, subject, service, version, message FROM month_withdrawal
) AS decided USING (society_id)
WHERE society.name = %(society)s AND month = %(month)s
ORDER BY subject_type, subject, service, version DESC
