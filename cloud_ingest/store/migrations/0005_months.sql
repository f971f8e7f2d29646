-- SPDX-License-Identifier: MIT
-- Numbers of closed months, what leaves the store, flags, and who read a dial.

-- Read by a person, or edited: few rows, looked for around the ends of months.
CREATE INDEX reading_by_hand ON reading (channel_id, ts) WHERE origin <> 1;

CREATE TABLE self_read (
  self_read_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  assignment_id int NOT NULL REFERENCES assignment,
  channel_id int NOT NULL REFERENCES channel,
  read_at timestamptz NOT NULL,
  value numeric NOT NULL,
  raw bigint NOT NULL,
  entered_by text NOT NULL,
  entered_at timestamptz NOT NULL,
  forced_because text
);
CREATE INDEX self_read_channel ON self_read (channel_id, read_at);
COMMENT ON COLUMN self_read.value IS 'the dial as it was typed, in kWh or kL';

CREATE TABLE month_close (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL CHECK (month ~ '^\d{4}-\d\d$'),
  closed_at timestamptz NOT NULL,
  last_closed_at timestamptz NOT NULL,
  manifest bytea NOT NULL,
  PRIMARY KEY (society_id, month)
);

CREATE TABLE month_number (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text NOT NULL,
  version int NOT NULL CHECK (version > 0),
  quantity numeric NOT NULL,
  quality text NOT NULL,
  message bytea NOT NULL,
  sha256 text NOT NULL,
  closed_at timestamptz NOT NULL,
  PRIMARY KEY (society_id, month, subject_type, subject, service, version)
);

CREATE TABLE month_reconciliation (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  tower text NOT NULL,
  service text NOT NULL,
  message bytea NOT NULL,
  closed_at timestamptz NOT NULL,
  PRIMARY KEY (society_id, month, tower, service)
);

CREATE TABLE outbox (
  outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  payload bytea NOT NULL,
  retain boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  ack_key text,
  acked_at timestamptz,
  attempts int NOT NULL DEFAULT 0
);
CREATE INDEX outbox_waiting ON outbox (outbox_id)
  WHERE published_at IS NULL OR (ack_key IS NOT NULL AND acked_at IS NULL);
CREATE INDEX outbox_ack ON outbox (ack_key) WHERE ack_key IS NOT NULL;
COMMENT ON COLUMN outbox.ack_key IS 'what the consumer names when it has it; null: no answer is awaited';

CREATE TABLE event (
  event_id uuid PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  kind text NOT NULL,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'cleared')),
  since timestamptz NOT NULL,
  raised_at timestamptz NOT NULL,
  cleared_at timestamptz,
  message text NOT NULL,
  evidence jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX event_open_once
  ON event (society_id, kind, subject_type, subject, service) WHERE state = 'open';
