-- SPDX-License-Identifier: MIT
-- People who use the pages: an account, what it is to which society, and its open sessions.
-- beside: 0063

CREATE TABLE account (
  account_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  login text NOT NULL UNIQUE,
  name text NOT NULL,
  password_hash text,
  language text,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  ended_at timestamptz,
  ended_by text
);
COMMENT ON TABLE account IS 'a person who may sign in';
COMMENT ON COLUMN account.login IS 'in lower case';
COMMENT ON COLUMN account.password_hash IS 'Argon2id; null: none was set yet, or another service signs the person in';

CREATE TABLE membership (
  membership_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES account,
  society_id int NOT NULL REFERENCES society,
  role text NOT NULL CHECK (role IN ('manager', 'treasurer', 'helpdesk', 'operator', 'resident')),
  unit text,
  since timestamptz NOT NULL,
  given_by text NOT NULL,
  ended_at timestamptz,
  ended_by text,
  CHECK ((role = 'resident') = (unit IS NOT NULL))
);
CREATE UNIQUE INDEX membership_that_lives ON membership (account_id, society_id, role, coalesce(unit, ''))
  WHERE ended_at IS NULL;
CREATE INDEX membership_of_society ON membership (society_id);
COMMENT ON TABLE membership IS 'what a person is to a society, from when to when';
COMMENT ON COLUMN membership.unit IS 'the label of the unit where a resident lives';

CREATE TABLE web_session (
  web_session_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  membership_id bigint NOT NULL REFERENCES membership,
  csrf text NOT NULL,
  created_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  ended_at timestamptz
);
CREATE INDEX web_session_of_membership ON web_session (membership_id);
COMMENT ON TABLE web_session IS 'who is signed in; the cookie itself is not kept';
COMMENT ON COLUMN web_session.digest IS 'SHA-256 of the cookie';
COMMENT ON COLUMN web_session.seen_at IS 'to the minute';
