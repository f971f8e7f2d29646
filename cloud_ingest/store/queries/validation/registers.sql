-- SPDX-License-Identifier: MIT
-- The billed channels of meters, whether each meter served units alone, what it is made for, and
-- which bits of its status count against its readings.
SELECT channel_id, meter_id, obis, unit, scaler, weight,
       coalesce((SELECT bool_and(subject_type = 'unit') FROM assignment AS a
                 WHERE a.meter_id = channel.meter_id), false) AS only_units,
       phases, max_current_a, q4_m3_h, coalesce(invalid_bits, 0), coalesce(clock_bits, 0)
FROM channel JOIN meter USING (meter_id)
WHERE meter_id = ANY(%(meters)s::int[]) AND obis = ANY(%(codes)s::text[])
ORDER BY channel_id
