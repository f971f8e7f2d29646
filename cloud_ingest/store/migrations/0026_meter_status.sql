-- SPDX-License-Identifier: MIT
-- What the status of a meter's profile says against its readings, where its maker's bits are known.

ALTER TABLE meter
  ADD COLUMN invalid_bits bigint CHECK (invalid_bits >= 0),
  ADD COLUMN clock_bits bigint CHECK (clock_bits >= 0);
COMMENT ON COLUMN meter.invalid_bits IS
  'bits of the status with which a reading is not valid; null: they are not known';
COMMENT ON COLUMN meter.clock_bits IS
  'bits of the status with which the time of a reading is not valid; null: they are not known';

ALTER TABLE verdict DROP CONSTRAINT verdict_rule_check, ADD CONSTRAINT verdict_rule_check
  CHECK (rule IN ('negative', 'fall', 'ceiling', 'sum_check', 'status', 'clock'));
COMMENT ON TABLE verdict IS
  'claims that are kept and not elected, and elected ones that their meter calls not valid (status, clock)';
