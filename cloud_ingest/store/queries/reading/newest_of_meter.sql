-- SPDX-License-Identifier: MIT
-- The newest reading that a meter itself gave of one register, and the gateway that reads it.
SELECT gateway.name AS gateway, r.ts AS at, r.raw, c.unit, c.scaler, c.weight
FROM meter
LEFT JOIN gateway USING (gateway_id)
JOIN channel AS c ON c.meter_id = meter.meter_id AND c.obis = %(obis)s
CROSS JOIN LATERAL (
  SELECT ts, raw FROM reading
  WHERE reading.channel_id = c.channel_id AND origin = 1 ORDER BY ts DESC LIMIT 1
) AS r
WHERE meter.meter_id = %(meter_id)s
ORDER BY r.ts DESC LIMIT 1
