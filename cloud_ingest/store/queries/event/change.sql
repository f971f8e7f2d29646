-- SPDX-License-Identifier: MIT
-- An open flag turns out to have begun at another time, or is over.
UPDATE event SET state = %(state)s, since = %(since)s, cleared_at = %(cleared_at)s,
                 message = %(message)s, evidence = %(evidence)s
WHERE event_id = %(id)s AND state = 'open'
RETURNING event_id
