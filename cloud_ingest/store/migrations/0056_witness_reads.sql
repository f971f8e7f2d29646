-- SPDX-License-Identifier: MIT
-- What a dial showed before witnesses, beside what was held then; no number knows of it.
-- beside: 0055

CREATE TABLE witness_read (
  witness_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  assignment_id int NOT NULL REFERENCES assignment_version,
  meter_id int NOT NULL REFERENCES meter,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text NOT NULL,
  read_at timestamptz NOT NULL,
  shown text NOT NULL,
  value numeric NOT NULL,
  step numeric NOT NULL,
  low numeric,
  high numeric,
  before_at timestamptz,
  after_at timestamptz,
  verdict text NOT NULL CHECK (verdict IN ('agrees', 'differs', 'cannot_say')),
  sentence text NOT NULL,
  author text NOT NULL,
  witness text,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX witness_read_subject ON witness_read (society_id, subject, read_at);
COMMENT ON TABLE witness_read IS 'what a dial showed before witnesses, and whether it agrees with what was held';
COMMENT ON COLUMN witness_read.low IS 'the dial should have shown at least this; null: nothing is known';
COMMENT ON COLUMN witness_read.high IS 'the dial should have shown at most this';
COMMENT ON COLUMN witness_read.before_at IS 'the reading before it, by which low is known';
COMMENT ON COLUMN witness_read.after_at IS 'the reading behind it, by which high is known; null: by what the meter can count';
COMMENT ON COLUMN witness_read.witness IS 'who stood beside: the resident; null: nobody';
