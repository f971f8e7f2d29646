-- SPDX-License-Identifier: MIT
-- Which gateways were ever bound to which meter, and when each may speak for it.
SELECT meter_id, gateway_id,
       coalesce(array_agg(valid_from ORDER BY binding_id) FILTER (WHERE superseded_at IS NULL), '{}') AS starts,
       coalesce(array_agg(valid_to ORDER BY binding_id) FILTER (WHERE superseded_at IS NULL), '{}') AS ends
FROM meter_gateway_version
GROUP BY meter_id, gateway_id
