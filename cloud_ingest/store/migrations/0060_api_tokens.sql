-- SPDX-License-Identifier: MIT
-- Tokens of programs that use the API: each is of one society, and says what it may do.
-- beside: 0049

CREATE TABLE api_token (
  api_token_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  name text NOT NULL,
  selector text NOT NULL UNIQUE,
  digest bytea NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_by text,
  last_used_at timestamptz
);
CREATE UNIQUE INDEX api_token_of_name ON api_token (society_id, name) WHERE revoked_at IS NULL;
COMMENT ON TABLE api_token IS 'who may use the API; the token itself is not kept';
COMMENT ON COLUMN api_token.selector IS 'the part of the token that finds its row; no secret';
COMMENT ON COLUMN api_token.digest IS 'SHA-256 of the part that is the secret';
COMMENT ON COLUMN api_token.last_used_at IS 'to the minute; null: never';
