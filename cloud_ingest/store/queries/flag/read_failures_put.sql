-- SPDX-License-Identifier: MIT
-- Add read failures of meters, or change what is known of those that are open.
INSERT INTO read_failure
  (meter_id, society_id, since, ever_read, cause, gateway, bus, shared, other, other_since,
   event_id, found_at)
SELECT new.*, %(now)s
FROM unnest(%(meters)s::int[], %(societies)s::int[], %(since)s::timestamptz[],
            %(ever_read)s::boolean[], %(causes)s::text[], %(gateways)s::text[], %(buses)s::text[],
            %(shared)s::boolean[], %(others)s::jsonb[], %(others_since)s::timestamptz[],
            %(events)s::uuid[]) AS new
ON CONFLICT (meter_id) WHERE ended_at IS NULL DO UPDATE
SET since = excluded.since, ever_read = excluded.ever_read, cause = excluded.cause,
    gateway = excluded.gateway, bus = excluded.bus, shared = excluded.shared,
    other = excluded.other, other_since = excluded.other_since, event_id = excluded.event_id
