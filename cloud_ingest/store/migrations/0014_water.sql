-- SPDX-License-Identifier: MIT
-- Pulse weights of registers, and what dials showed beside their modules.

ALTER TABLE channel ADD COLUMN weight int NOT NULL DEFAULT 1 CHECK (weight > 0);
ALTER TABLE channel DROP CONSTRAINT channel_meter_id_obis_unit_scaler_key;
ALTER TABLE channel ADD UNIQUE (meter_id, obis, unit, scaler, weight);
COMMENT ON COLUMN channel.weight IS
  'raw is a count of pulses times this; 1: raw is what the meter says';

CREATE TABLE dial_reading (
  dial_reading_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  assignment_id int NOT NULL REFERENCES assignment,
  meter_id int NOT NULL REFERENCES meter,
  read_at timestamptz NOT NULL,
  dial numeric NOT NULL,
  register numeric NOT NULL,
  deviation numeric,
  reason text NOT NULL,
  entered_by text NOT NULL,
  entered_at timestamptz NOT NULL
);
CREATE INDEX dial_reading_meter ON dial_reading (meter_id, read_at);
COMMENT ON TABLE dial_reading IS
  'what a dial showed beside its module, in kWh or kL; of one moment the newest counts, no row is changed';
COMMENT ON COLUMN dial_reading.register IS
  'what the module counted until then, with its epochs: dial - register is the offset';
COMMENT ON COLUMN dial_reading.deviation IS
  'how much more the dial counted than the module since the reading before; null for the first';
