-- SPDX-License-Identifier: MIT
-- The lines of a stored batch, whose it is, and when it came.
SELECT batch.header, batch.signature, gateway.name, batch.received_at,
       (SELECT array_agg(line ORDER BY ordinal) FROM block WHERE block.batch_id = batch.batch_id)
FROM batch JOIN gateway USING (gateway_id)
WHERE batch_id = %s
