-- SPDX-License-Identifier: MIT
-- Every enrolled gateway with each of its keys.
SELECT gateway_id, name, society_id, key_id, public_key
FROM gateway LEFT JOIN gateway_key USING (gateway_id)
ORDER BY gateway_id
