-- SPDX-License-Identifier: MIT
-- Invitations to a role in a society, and what was done about people and access.
-- beside: 0068

CREATE TABLE invitation (
  invitation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  role text NOT NULL CHECK (role IN ('manager', 'treasurer', 'helpdesk', 'operator', 'resident')),
  unit text,
  name text NOT NULL,
  digest bytea NOT NULL UNIQUE,
  invited_at timestamptz NOT NULL,
  invited_by text NOT NULL,
  ends_at timestamptz NOT NULL,
  ended_at timestamptz,
  ended_by text,
  CHECK ((role = 'resident') = (unit IS NOT NULL))
);
CREATE INDEX invitation_of_society ON invitation (society_id) WHERE ended_at IS NULL;
COMMENT ON TABLE invitation IS 'who may take a role in a society: whoever brings the secret, once';
COMMENT ON COLUMN invitation.name IS 'whom it is for, as the inviting person calls them';
COMMENT ON COLUMN invitation.digest IS 'SHA-256 of the secret, which is not kept';
COMMENT ON COLUMN invitation.ended_at IS 'when it was used or withdrawn; null: neither';

CREATE TABLE access_act (
  access_act_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  at timestamptz NOT NULL,
  what text NOT NULL,
  author text NOT NULL,
  about text NOT NULL,
  detail text NOT NULL DEFAULT ''
);
CREATE INDEX access_act_of_society ON access_act (society_id, access_act_id);
COMMENT ON TABLE access_act IS 'what was done about people and their access; nothing is taken back';
COMMENT ON COLUMN access_act.about IS 'the login, or the name of a token, that it is about';
