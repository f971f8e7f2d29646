-- SPDX-License-Identifier: MIT
-- What stands after a place: of each month, subject and service the newest number, or what took it back.
SELECT month, subject_type, subject, service, version, message FROM (
  SELECT DISTINCT ON (month, subject_type, subject, service)
         month, subject_type, subject, service, version, message, closed_at
  FROM (
    SELECT month, subject_type, subject, service, version, message, closed_at
    FROM month_number
    WHERE society_id = %(society_id)s AND (month, subject_type, subject, service)
          > ((%(reached)s::text[])[1], (%(reached)s::text[])[2], (%(reached)s::text[])[3],
             (%(reached)s::text[])[4])
    UNION ALL
    SELECT month, subject_type, subject, service, version, message, closed_at
    FROM month_withdrawal
    WHERE society_id = %(society_id)s AND (month, subject_type, subject, service)
          > ((%(reached)s::text[])[1], (%(reached)s::text[])[2], (%(reached)s::text[])[3],
             (%(reached)s::text[])[4])
  ) AS decided
  WHERE (%(month)s::text IS NULL OR month = %(month)s)
    AND (%(subject_type)s::text IS NULL OR subject_type = %(subject_type)s)
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND (%(service)s::text IS NULL OR service = %(service)s)
  ORDER BY month, subject_type, subject, service, version DESC
) AS standing
WHERE %(since)s::timestamptz IS NULL OR closed_at >= %(since)s
ORDER BY month, subject_type, subject, service
LIMIT %(limit)s
