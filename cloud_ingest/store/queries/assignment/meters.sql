-- SPDX-License-Identifier: MIT
-- Every version of what a society's list says of its meters, as they were recorded.
SELECT meter_id, manufacturer, serial, since, version.phases, version.max_current_a, version.q4_m3_h,
       version.invalid_bits, version.clock_bits, resolution, q3_m3_h, register_digits, ct_ratio,
       pt_ratio, counts, seal, calibrated_on, accuracy_class, author, reason, recorded_at,
       superseded_at, entry_order, superseded_order
FROM meter_version AS version JOIN meter USING (meter_id)
WHERE version.society_id = %(society_id)s
ORDER BY entry_order
