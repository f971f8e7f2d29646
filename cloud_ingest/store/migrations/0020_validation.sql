-- SPDX-License-Identifier: MIT
-- Which claims of billed registers are unsound, and what a person says of a claim.

CREATE TABLE verdict (
  channel_id int NOT NULL,
  ts timestamptz NOT NULL,
  origin smallint NOT NULL,
  raw bigint NOT NULL,
  rule text NOT NULL CHECK (rule IN ('negative', 'fall', 'ceiling')),
  parameters jsonb NOT NULL,
  neighbours jsonb NOT NULL,
  judged_at timestamptz NOT NULL,
  PRIMARY KEY (channel_id, ts, origin, raw)
);
COMMENT ON TABLE verdict IS
  'claims that no sound register makes: they are kept, and not elected; the key is that of claim';
COMMENT ON COLUMN verdict.neighbours IS
  'the elected claims before and after it: ts, channel_id, raw, origin; null: there is none';

CREATE TABLE ruling (
  ruling_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel_id int NOT NULL REFERENCES channel,
  ts timestamptz NOT NULL,
  origin smallint NOT NULL,
  raw bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('set_aside', 'restore', 'enter')),
  author text NOT NULL,
  reason text NOT NULL,
  ruled_at timestamptz NOT NULL
);
CREATE INDEX ruling_claim ON ruling (channel_id, ts);
COMMENT ON TABLE ruling IS
  'what a person says of a claim: of one claim the newest counts, and no row is changed';

CREATE TABLE register_break (
  meter_id int NOT NULL REFERENCES meter,
  obis text NOT NULL,
  ts timestamptz NOT NULL,
  rule text NOT NULL CHECK (rule IN ('fall', 'ceiling')),
  parameters jsonb NOT NULL,
  neighbours jsonb NOT NULL,
  judged_at timestamptz NOT NULL,
  PRIMARY KEY (meter_id, obis, ts)
);
COMMENT ON TABLE register_break IS
  'where a billed register leaves its course for good, and nobody vouched for what follows';
COMMENT ON COLUMN register_break.ts IS 'of the first claim after the break';

CREATE INDEX claim_ts ON claim (ts);

-- A claim may be elected where none was, and may be set aside with nothing in its place.
ALTER TABLE election
  ALTER COLUMN old_raw DROP NOT NULL, ALTER COLUMN old_origin DROP NOT NULL,
  ALTER COLUMN new_raw DROP NOT NULL, ALTER COLUMN new_origin DROP NOT NULL;
COMMENT ON TABLE election IS
  'each time the elected claim of a moment changed; null: none was, or none is elected';
