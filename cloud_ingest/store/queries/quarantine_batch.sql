-- SPDX-License-Identifier: MIT
-- The lines of a stored batch, and whose it is.
SELECT batch.header, batch.signature, gateway.name,
       (SELECT array_agg(line ORDER BY ordinal) FROM block WHERE block.batch_id = batch.batch_id)
FROM batch JOIN gateway USING (gateway_id)
WHERE batch_id = %s
