-- SPDX-License-Identifier: MIT
-- Remember a gateway's status; the late will of an older session ends nothing.
INSERT INTO gateway_status AS known (gateway_id, session, state, at, payload)
SELECT gateway_id, %(session)s, %(state)s, %(at)s, %(payload)s FROM gateway WHERE name = %(gateway)s
ON CONFLICT (gateway_id) DO UPDATE
SET session = excluded.session, state = excluded.state, at = excluded.at, payload = excluded.payload
WHERE excluded.state = 'online' OR known.session = excluded.session
RETURNING gateway_id
