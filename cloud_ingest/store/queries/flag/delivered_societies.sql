-- SPDX-License-Identifier: MIT
-- The societies whose every gateway has said, since a time, that nothing of it waits any more.
SELECT gateway.society_id
FROM gateway LEFT JOIN gateway_status USING (gateway_id)
GROUP BY gateway.society_id
HAVING bool_and(coalesce(
  gateway_status.state = 'online'
  AND gateway_status.at >= %(since)s
  AND (gateway_status.payload ->> 'spooled')::int = 0
  AND (gateway_status.payload ->> 'meters_behind')::int = 0, false))
