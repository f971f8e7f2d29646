-- SPDX-License-Identifier: MIT
-- The batches of a society that were received in a stretch of time, the first first.
SELECT batch_id
FROM batch JOIN gateway USING (gateway_id)
WHERE society_id = %(society_id)s AND received_at >= %(start)s AND received_at < %(end)s
ORDER BY received_at, batch_id
