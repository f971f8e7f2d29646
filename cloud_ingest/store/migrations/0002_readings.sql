-- SPDX-License-Identifier: MIT
-- Readings as the meters said them, the claims beside them, the evidence, the quarantine.

CREATE TABLE channel (
  channel_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  meter_id int NOT NULL REFERENCES meter,
  obis text NOT NULL,
  unit smallint NOT NULL,
  scaler smallint NOT NULL,
  kind text NOT NULL,
  period_s int NOT NULL DEFAULT 0,
  UNIQUE (meter_id, obis, unit, scaler)
);
COMMENT ON COLUMN channel.period_s IS 'shortest capture period seen; 0 while only read when asked';

CREATE TABLE epoch (
  channel_id int NOT NULL REFERENCES channel,
  starts_at timestamptz NOT NULL,
  offset_raw bigint NOT NULL,
  reason text NOT NULL,
  author text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (channel_id, starts_at, recorded_at)
);
COMMENT ON TABLE epoch IS
  'what is added to the raw register from starts_at on: rollover, reset; the newest of a moment counts';

-- The elected row. No foreign key: it would be looked up for every reading.
CREATE TABLE reading (
  channel_id int NOT NULL,
  ts timestamptz NOT NULL,
  raw bigint NOT NULL,
  status bigint,
  origin smallint NOT NULL CHECK (origin BETWEEN 0 AND 2),
  PRIMARY KEY (channel_id, ts)
);
COMMENT ON COLUMN reading.origin IS '0 edit, 1 meter, 2 self-read: the lower wins the election, of edits the newest';

CREATE TABLE claim (
  channel_id int NOT NULL,
  ts timestamptz NOT NULL,
  raw bigint NOT NULL,
  status bigint,
  origin smallint NOT NULL,
  received_at timestamptz NOT NULL,
  source text NOT NULL,
  PRIMARY KEY (channel_id, ts, origin, raw)
);
COMMENT ON TABLE claim IS 'what was also said about a reading and is not elected';

CREATE TABLE election (
  election_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel_id int NOT NULL,
  ts timestamptz NOT NULL,
  old_raw bigint NOT NULL,
  old_origin smallint NOT NULL,
  new_raw bigint NOT NULL,
  new_origin smallint NOT NULL,
  at timestamptz NOT NULL
);
COMMENT ON TABLE election IS 'each time another claim took the place of the elected one';

CREATE TABLE dirty (
  dirty_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel_id int NOT NULL,
  day date NOT NULL
);
COMMENT ON TABLE dirty IS
  'days to roll up again; marks are only added, so that no commit waits for another, and one '
  'that is added during a refresh outlives it';

CREATE TABLE batch (
  batch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  gateway_id int NOT NULL REFERENCES gateway,
  stream uuid NOT NULL,
  seq bigint NOT NULL,
  header bytea NOT NULL,
  header_hash bytea NOT NULL,
  previous bytea,
  signature bytea NOT NULL,
  received_at timestamptz NOT NULL,
  UNIQUE (gateway_id, stream, seq)
);

CREATE TABLE block (
  batch_id bigint NOT NULL REFERENCES batch,
  ordinal smallint NOT NULL,
  meter_id int,
  line bytea NOT NULL,
  PRIMARY KEY (batch_id, ordinal)
);

CREATE TABLE stream_range (
  gateway_id int NOT NULL REFERENCES gateway,
  stream uuid NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  PRIMARY KEY (gateway_id, stream)
);
COMMENT ON TABLE stream_range IS 'the longest run known to be stored, so that a receipt is cheap';

CREATE TABLE quarantine (
  quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reason text NOT NULL,
  detail text NOT NULL,
  gateway text,
  society_id int REFERENCES society,
  topic text,
  payload bytea,
  payload_hash bytea NOT NULL,
  batch_id bigint REFERENCES batch,
  ordinal smallint,
  row_indexes int[],
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  times int NOT NULL DEFAULT 1,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'dismissed')),
  resolved_at timestamptz
);
CREATE UNIQUE INDEX quarantine_same
  ON quarantine (payload_hash, reason, hashtextextended(coalesce(topic, ''), 0), coalesce(ordinal, -1));
COMMENT ON COLUMN quarantine.payload IS 'the bytes that nothing vouches for; null where batch_id has them';
