-- SPDX-License-Identifier: MIT
-- A new version of what a meter is.
INSERT INTO meter_version (
  society_id, meter_id, since, phases, max_current_a, q4_m3_h, invalid_bits, clock_bits, resolution,
  q3_m3_h, register_digits, ct_ratio, pt_ratio, counts, seal, calibrated_on, accuracy_class, author,
  reason, recorded_at)
SELECT society_id, meter_id, %(since)s, %(phases)s, %(max_current_a)s, %(q4_m3_h)s, %(invalid_bits)s,
       %(clock_bits)s, %(resolution)s, %(q3_m3_h)s, %(register_digits)s, %(ct_ratio)s, %(pt_ratio)s,
       %(counts)s, %(seal)s, %(calibrated_on)s, %(accuracy_class)s, %(author)s, %(reason)s, %(now)s
FROM meter
WHERE society_id = %(society_id)s AND manufacturer = %(manufacturer)s AND serial = %(serial)s
