-- SPDX-License-Identifier: MIT
-- What gateways were asked to do, by whom, and what they answered.

CREATE TABLE command (
  command_id uuid PRIMARY KEY,
  gateway_id int NOT NULL REFERENCES gateway,
  kind text NOT NULL,
  payload bytea NOT NULL,
  issued_by text NOT NULL,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  outcome text CHECK (outcome IN ('done', 'failed', 'refused', 'expired')),
  result jsonb,
  answered_at timestamptz
);
CREATE INDEX command_gateway ON command (gateway_id, issued_at);
COMMENT ON COLUMN command.payload IS 'the signed message as it was sent';
