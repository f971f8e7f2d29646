-- SPDX-License-Identifier: MIT
-- The channels of given keys.
SELECT channel.meter_id, channel.obis, channel.unit, channel.scaler, channel.weight,
       channel_id, period_s
FROM unnest(%(meters)s::int[], %(codes)s::text[], %(units)s::smallint[], %(scalers)s::smallint[],
            %(weights)s::int[])
  AS wanted (meter_id, obis, unit, scaler, weight)
JOIN channel USING (meter_id, obis, unit, scaler, weight)
