-- SPDX-License-Identifier: MIT
-- Remember a gateway's status, and its last outage; the late will of an older session ends nothing.
-- A gateway that came back only for a moment was away all the time. One whose keys were all taken back says
-- nothing more: what the broker retains of it would keep it online for ever.
INSERT INTO gateway_status AS known
  (gateway_id, session, state, at, payload, heard_at, lost_at, back_at)
SELECT gateway_id, %(session)s, %(state)s, %(at)s, %(payload)s, %(heard_at)s,
       CASE %(state)s WHEN 'online' THEN enrolled_at ELSE %(heard_at)s END,
       CASE %(state)s WHEN 'online' THEN enrolled_at END
FROM gateway
WHERE name = %(gateway)s AND NOT coalesce((
  SELECT bool_and(revocation_id IS NOT NULL) FROM gateway_key
  WHERE gateway_key.gateway_id = gateway.gateway_id), false)
ON CONFLICT (gateway_id) DO UPDATE
SET session = excluded.session, state = excluded.state, at = excluded.at, payload = excluded.payload,
    heard_at = greatest(known.heard_at, excluded.heard_at),
    lost_at = CASE
      WHEN known.back_at IS NULL THEN known.lost_at
      WHEN excluded.state = 'offline' THEN
        CASE WHEN greatest(known.heard_at, excluded.heard_at) - known.back_at < %(settling)s
             THEN known.lost_at
             ELSE greatest(known.heard_at, excluded.heard_at) END
      WHEN excluded.heard_at - known.heard_at > %(quiet)s THEN
        CASE WHEN known.heard_at - known.back_at < %(settling)s THEN known.lost_at
             ELSE known.heard_at END
      ELSE known.lost_at END,
    back_at = CASE
      WHEN excluded.state = 'offline' THEN NULL
      WHEN known.back_at IS NULL OR excluded.heard_at - known.heard_at > %(quiet)s
        THEN excluded.heard_at
      ELSE known.back_at END
WHERE excluded.state = 'online' OR known.session = excluded.session
RETURNING gateway_id
