-- SPDX-License-Identifier: MIT
-- Flags, newest first.
SELECT event_id, society_id, society.name AS society, kind, subject_type, subject, service,
       state, version, severity, unit_type, unit, tower, since, raises, acknowledged_by, acknowledged_at,
       raised_at, cleared_at, message, evidence_schema, evidence
FROM event JOIN society USING (society_id)
WHERE (%(society)s::text IS NULL OR society.name = %(society)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY raised_at DESC, event_id
LIMIT %(limit)s
