-- SPDX-License-Identifier: MIT
-- Note for which meters gateways spoke to which they are not bound, in the order of the key.
INSERT INTO foreign_claim AS known
  (gateway_id, meter_id, society_id, first_at, last_at, batches)
SELECT gateway_id, meter_id, gateway.society_id, first_at, last_at, batches
FROM unnest(%(gateways)s::int[], %(meters)s::int[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[],
            %(batches)s::bigint[]) AS said (gateway_id, meter_id, first_at, last_at, batches)
JOIN gateway USING (gateway_id)
ORDER BY gateway_id, meter_id
ON CONFLICT (gateway_id, meter_id) DO UPDATE
SET first_at = CASE WHEN known.settled_at IS NULL THEN known.first_at ELSE excluded.first_at END,
    last_at = greatest(known.last_at, excluded.last_at),
    batches = CASE WHEN known.settled_at IS NULL THEN known.batches ELSE 0 END + excluded.batches,
    settled_at = NULL
