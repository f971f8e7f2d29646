-- SPDX-License-Identifier: MIT
-- Open a flag, where none is open for the same thing.
INSERT INTO event (event_id, society_id, kind, severity, subject_type, subject, service, unit_type,
                   unit, tower, state, since, raised_at, message, evidence_schema, evidence)
VALUES (%(id)s, %(society_id)s, %(kind)s, %(severity)s, %(subject_type)s, %(subject)s, %(service)s,
        %(unit_type)s, %(unit)s, %(tower)s, 'open', %(since)s, %(raised_at)s, %(message)s,
        %(evidence_schema)s, %(evidence)s)
ON CONFLICT (society_id, kind, subject_type, subject, service) WHERE state = 'open' DO NOTHING
RETURNING event_id
