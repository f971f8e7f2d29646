-- SPDX-License-Identifier: MIT
-- The bytes of some batches that were received within a stretch of time, in the order of receipt.
SELECT batch_id, gateway.name AS gateway, received_at, evidence
FROM batch_evidence JOIN gateway USING (gateway_id)
WHERE gateway_id = ANY(%(gateways)s::int[]) AND received_at BETWEEN %(first)s AND %(last)s
  AND batch_id = ANY(%(batches)s::bigint[])
ORDER BY received_at, batch_id
