-- SPDX-License-Identifier: MIT
-- The flag that is open for a thing, else the one that ended last.
SELECT event_id FROM event
WHERE society_id = %(society_id)s AND kind = %(kind)s AND subject_type = %(subject_type)s
  AND subject = %(subject)s AND service = %(service)s
ORDER BY cleared_at DESC NULLS FIRST
LIMIT 1
