-- SPDX-License-Identifier: MIT
-- What each subject used in whole months, by the newest number of each that was not taken back.
SELECT subject_type, subject, service, array_agg(month) AS months,
       array_agg(quantity) AS quantities
FROM (
  SELECT DISTINCT ON (subject_type, subject, service, month)
         subject_type, subject, service, month, version, quantity, message
  FROM month_number
  WHERE society_id = %(society_id)s AND month >= %(first)s AND month < %(until)s
  ORDER BY subject_type, subject, service, month, version DESC
) AS newest
WHERE position('"part_of_month"'::bytea IN message) = 0
  AND position('"catch_up"'::bytea IN message) = 0
  AND NOT EXISTS (
    SELECT FROM month_withdrawal AS w
    WHERE w.society_id = %(society_id)s AND w.month = newest.month
      AND w.subject_type = newest.subject_type AND w.subject = newest.subject
      AND w.service = newest.service AND w.version > newest.version
  )
GROUP BY subject_type, subject, service
