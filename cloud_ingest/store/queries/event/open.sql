-- SPDX-License-Identifier: MIT
-- The open flags of one kind.
SELECT event_id, society_id, society.name AS society, kind, subject_type, subject, service,
       state, version, severity, unit_type, unit, tower, since, raises, acknowledged_by, acknowledged_at,
       raised_at, cleared_at, message, evidence_schema, evidence
FROM event JOIN society USING (society_id)
WHERE state = 'open' AND kind = %s
ORDER BY raised_at
