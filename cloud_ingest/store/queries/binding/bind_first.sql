-- SPDX-License-Identifier: MIT
-- Bind meters to the gateway that spoke for them first; one that was ever bound stays as it is.
INSERT INTO meter_gateway_version
  (society_id, meter_id, gateway_id, how, author, reason, recorded_at)
SELECT meter.society_id, meter_id, heard.gateway_id, 'first_heard', 'the store',
       'it spoke for the meter first', %(at)s
FROM unnest(%(meters)s::int[], %(gateways)s::int[]) AS heard (meter_id, gateway_id)
JOIN meter USING (meter_id)
WHERE NOT EXISTS (SELECT FROM meter_gateway_version AS v WHERE v.meter_id = meter.meter_id)
ORDER BY meter_id
RETURNING meter_id, gateway_id
