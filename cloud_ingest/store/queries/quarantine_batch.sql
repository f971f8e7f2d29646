-- SPDX-License-Identifier: MIT
-- The evidence of a stored batch, whose it is, and when it came.
SELECT batch.evidence, gateway.name, batch.received_at
FROM batch JOIN gateway USING (gateway_id)
WHERE batch_id = %s
