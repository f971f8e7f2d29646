-- SPDX-License-Identifier: MIT
-- The newest stretch of a register of each of some meters, as the meters themselves said it.
SELECT wanted.meter_id, c.channel_id, c.unit, c.scaler, extract(epoch FROM r.ts)::bigint AS ts,
       r.raw
FROM unnest(%(meters)s::int[], %(since)s::timestamptz[]) AS wanted (meter_id, since)
JOIN channel AS c ON c.meter_id = wanted.meter_id AND c.obis = %(obis)s
CROSS JOIN LATERAL (
  SELECT ts, raw FROM reading
  WHERE channel_id = c.channel_id AND ts >= wanted.since AND ts >= %(start)s AND origin = 1
) AS r
ORDER BY wanted.meter_id, c.channel_id, r.ts
