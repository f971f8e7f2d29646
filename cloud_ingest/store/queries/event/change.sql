-- SPDX-License-Identifier: MIT
-- Write what an open flag says now.
UPDATE event SET state = %(state)s, severity = %(severity)s, unit_type = %(unit_type)s,
                 unit = %(unit)s, tower = %(tower)s, since = %(since)s,
                 cleared_at = %(cleared_at)s, message = %(message)s,
                 evidence_schema = %(evidence_schema)s, evidence = %(evidence)s
WHERE event_id = %(id)s AND state = 'open'
RETURNING event_id
