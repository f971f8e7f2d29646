-- SPDX-License-Identifier: MIT
-- Open a flag, where none is open for the same thing.
INSERT INTO event (event_id, society_id, kind, subject_type, subject, service, state, since,
                   raised_at, message, evidence)
VALUES (%(id)s, %(society_id)s, %(kind)s, %(subject_type)s, %(subject)s, %(service)s, 'open',
        %(since)s, %(raised_at)s, %(message)s, %(evidence)s)
ON CONFLICT (society_id, kind, subject_type, subject, service) WHERE state = 'open' DO NOTHING
RETURNING event_id
