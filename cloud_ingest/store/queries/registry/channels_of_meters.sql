-- SPDX-License-Identifier: MIT
-- The channels of meters that hold given codes.
SELECT channel_id, meter_id, obis, unit, scaler, weight, period_s
FROM channel
WHERE meter_id = ANY(%(meters)s::int[]) AND obis = ANY(%(codes)s::text[])
ORDER BY channel_id
