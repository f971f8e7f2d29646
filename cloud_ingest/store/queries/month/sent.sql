-- SPDX-License-Identifier: MIT
-- A page of what was sent of a month, the newest first: numbers, and what took one back. A null label stands for any.
SELECT subject_type, subject, service, version, quantity, message, closed_at, count(*) OVER () AS total
FROM (
  SELECT subject_type, subject, service, version, quantity, message, closed_at FROM month_number
  WHERE society_id = %(society_id)s AND month = %(month)s
    AND (%(label)s::text IS NULL OR subject = %(label)s)
  UNION ALL
  SELECT subject_type, subject, service, version, NULL, NULL, closed_at FROM month_withdrawal
  WHERE society_id = %(society_id)s AND month = %(month)s
    AND (%(label)s::text IS NULL OR subject = %(label)s)
) AS sent
ORDER BY closed_at DESC, subject_type <> 'unit', subject, service, version DESC
LIMIT %(limit)s OFFSET %(offset)s
