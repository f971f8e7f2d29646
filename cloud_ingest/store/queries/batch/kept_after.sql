-- SPDX-License-Identifier: MIT
-- Evidence of a month in the order of its key, from behind a key on.
SELECT gateway_id, received_at, batch_id, evidence
FROM evidence
WHERE received_at >= %(start)s AND received_at < %(end)s
  AND (gateway_id, received_at, batch_id) > (%(gateway_id)s, %(received_at)s, %(batch_id)s)
ORDER BY gateway_id, received_at, batch_id LIMIT %(limit)s
