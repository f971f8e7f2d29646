-- SPDX-License-Identifier: MIT
-- Count what gateways bring in an hour; what it is by now.
INSERT INTO quota_use AS q (gateway_id, quota, hour, used)
SELECT gateway_id, %(quota)s, %(hour)s, brought
FROM unnest(%(gateways)s::int[], %(brought)s::bigint[]) AS new (gateway_id, brought)
ORDER BY gateway_id
ON CONFLICT (gateway_id, quota, hour) DO UPDATE SET used = q.used + excluded.used
RETURNING gateway_id, used
