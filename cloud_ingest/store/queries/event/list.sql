-- SPDX-License-Identifier: MIT
-- Flags, newest first.
SELECT event_id, society_id, society.name AS society, kind, subject_type, subject, service, state, since,
       raised_at, cleared_at, message, evidence
FROM event JOIN society USING (society_id)
WHERE (%(society)s::text IS NULL OR society.name = %(society)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY raised_at DESC, event_id
LIMIT %(limit)s
