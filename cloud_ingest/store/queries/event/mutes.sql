-- SPDX-License-Identifier: MIT
-- The mutes of a subject in a society, newest first; a null stands for any.
SELECT kind, subject_type, subject, until, author, reason, created_at, ended_at, ended_by,
       ended_reason
FROM event_mute JOIN society USING (society_id)
WHERE (%(society)s::text IS NULL OR society.name = %(society)s)
  AND (%(subject)s::text IS NULL OR subject = %(subject)s)
ORDER BY created_at DESC, mute_id DESC
LIMIT %(limit)s
