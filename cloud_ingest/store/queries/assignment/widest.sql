-- SPDX-License-Identifier: MIT
-- What the judges of readings need of a society's meters: its widest ceilings of all times, its newest bits.
UPDATE meter
SET phases = widest.phases, max_current_a = widest.max_current_a, q4_m3_h = widest.q4_m3_h,
    invalid_bits = newest.invalid_bits, clock_bits = newest.clock_bits
FROM (
  SELECT meter_id, max(phases) AS phases, max(max_current_a) AS max_current_a,
         max(q4_m3_h) AS q4_m3_h
  FROM meter_version WHERE society_id = %(society_id)s AND superseded_at IS NULL GROUP BY meter_id
) AS widest
JOIN LATERAL (
  SELECT invalid_bits, clock_bits FROM meter_version
  WHERE meter_version.meter_id = widest.meter_id AND superseded_at IS NULL
  ORDER BY since DESC NULLS LAST LIMIT 1
) AS newest ON true
WHERE widest.meter_id = meter.meter_id
  AND (meter.phases, meter.max_current_a, meter.q4_m3_h, meter.invalid_bits, meter.clock_bits)
    IS DISTINCT FROM (widest.phases, widest.max_current_a, widest.q4_m3_h, newest.invalid_bits,
                      newest.clock_bits)
