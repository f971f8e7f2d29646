-- SPDX-License-Identifier: MIT
-- Registers that a gateway read while its disk was full: shown until a reading comes, never elected.

CREATE TABLE volatile_reading (
  meter_id int NOT NULL REFERENCES meter,
  obis text NOT NULL,
  ts timestamptz NOT NULL,
  raw bigint NOT NULL,
  scaler int NOT NULL,
  unit int NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (meter_id, obis)
);
COMMENT ON TABLE volatile_reading IS
  'the newest register of a meter that its gateway could not keep: no reading, and no evidence';
