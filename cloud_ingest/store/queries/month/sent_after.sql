-- SPDX-License-Identifier: MIT
-- Each message of the numbers of a month that were sent more than once, or first after a moment.
SELECT message, sha256, heard, withdrawn
FROM (
  SELECT *, count(*) OVER (PARTITION BY subject_type, subject, service) AS messages
  FROM (
    SELECT subject_type, subject, service, version, message, sha256, heard_order AS heard,
           false AS withdrawn, closed_at
    FROM month_number WHERE society_id = %(society_id)s AND month = %(month)s
    UNION ALL
    SELECT subject_type, subject, service, version, message, sha256, heard_order, true, closed_at
    FROM month_withdrawal WHERE society_id = %(society_id)s AND month = %(month)s
  ) AS sent
) AS counted
WHERE messages > 1 OR closed_at > %(settled_at)s
ORDER BY subject_type DESC, subject, service, version
