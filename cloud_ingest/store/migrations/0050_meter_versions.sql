-- SPDX-License-Identifier: MIT
-- Which bulk meter stands above a meter, and what a meter is, in versions as the list of units says it.
-- beside: 0049

ALTER TABLE assignment_version ADD COLUMN parent text;
COMMENT ON COLUMN assignment_version.parent IS
  'the subject of the bulk or sub-bulk meter above it; null: the tower''s own';

CREATE OR REPLACE VIEW assignment AS
SELECT assignment_id, society_id, tower, subject_type, subject, label, service, source, meter_id,
       legacy, valid_from, valid_to, author, reason, recorded_at, parent
FROM assignment_version
WHERE superseded_at IS NULL;

CREATE OR REPLACE VIEW metering_report.assignment WITH (security_barrier) AS
SELECT society, tower, subject_type, subject, label, service, source, meter_id, legacy, valid_from,
       valid_to, parent
FROM metering.assignment JOIN metering_report.society USING (society_id);
COMMENT ON COLUMN metering_report.assignment.parent IS
  'the subject of the bulk or sub-bulk meter above it; null: the tower''s own';

CREATE TABLE meter_version (
  meter_version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  meter_id int NOT NULL REFERENCES meter,
  since timestamptz,
  phases int CHECK (phases IN (1, 3)),
  max_current_a numeric CHECK (max_current_a > 0),
  q4_m3_h numeric CHECK (q4_m3_h > 0),
  invalid_bits bigint CHECK (invalid_bits >= 0),
  clock_bits bigint CHECK (clock_bits >= 0),
  resolution numeric CHECK (resolution > 0),
  q3_m3_h numeric CHECK (q3_m3_h > 0),
  register_digits int CHECK (register_digits BETWEEN 3 AND 12),
  ct_ratio text,
  pt_ratio text,
  counts text CHECK (counts IN ('primary', 'secondary')),
  seal text,
  calibrated_on date,
  author text NOT NULL,
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL,
  superseded_at timestamptz,
  entry_order bigint NOT NULL DEFAULT nextval('entry_order'),
  superseded_order bigint
);
CREATE UNIQUE INDEX meter_version_holds ON meter_version (meter_id, coalesce(since, '-infinity'))
  WHERE superseded_at IS NULL;
CREATE INDEX meter_version_society ON meter_version (society_id, entry_order);
COMMENT ON TABLE meter_version IS
  'what the list of units says of a meter, as it was said each time; only superseded_at is ever updated';
COMMENT ON COLUMN meter_version.since IS 'from when on it is so; null: from when the meter was there';
COMMENT ON COLUMN meter_version.resolution IS 'the smallest step of its register, in kWh or kL';
COMMENT ON COLUMN meter_version.register_digits IS
  'of kWh or kL before the point: behind its last number the register begins at 0 again';
COMMENT ON COLUMN meter_version.ct_ratio IS 'of the current transformers before it, such as 200/5';
COMMENT ON COLUMN meter_version.pt_ratio IS 'of the voltage transformers before it, such as 11000/110';
COMMENT ON COLUMN meter_version.counts IS
  'which side of its transformers the register counts as it is read; nothing is multiplied in';
COMMENT ON COLUMN meter_version.superseded_at IS 'when another version took its place; null: it holds';

INSERT INTO meter_version (
  society_id, meter_id, phases, max_current_a, q4_m3_h, invalid_bits, clock_bits, author, reason,
  recorded_at)
SELECT society_id, meter_id, phases, max_current_a, q4_m3_h, invalid_bits, clock_bits,
       'unit management', 'imported before versions were kept', (SELECT created_at FROM store)
FROM meter
WHERE num_nonnulls(phases, max_current_a, q4_m3_h, invalid_bits, clock_bits) > 0;
