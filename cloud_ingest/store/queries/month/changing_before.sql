-- SPDX-License-Identifier: MIT
-- The numbers before a month that stand although they would change, and are the last of theirs.
SELECT n.message
FROM month_doubt AS d
JOIN month_number AS n USING (society_id, month, subject_type, subject, service, version)
WHERE d.society_id = %(society_id)s AND d.month < %(month)s AND d.kind IN ('held', 'kept')
  AND NOT EXISTS (
    SELECT FROM month_number AS later
    WHERE (later.society_id, later.subject_type, later.subject, later.service)
        = (n.society_id, n.subject_type, n.subject, n.service)
      AND later.month > n.month AND later.month < %(month)s
      AND NOT EXISTS (
        SELECT FROM month_withdrawal AS taken
        WHERE (taken.society_id, taken.month, taken.subject_type, taken.subject, taken.service)
            = (later.society_id, later.month, later.subject_type, later.subject, later.service)
          AND taken.version > later.version
      )
  )
