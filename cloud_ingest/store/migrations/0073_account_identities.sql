-- SPDX-License-Identifier: MIT
-- Who an account is to another service that signs people in.
-- beside: 0068

CREATE TABLE account_identity (
  account_identity_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES account,
  issuer text NOT NULL,
  subject text NOT NULL,
  linked_at timestamptz NOT NULL,
  ended_at timestamptz
);
CREATE UNIQUE INDEX account_identity_that_lives ON account_identity (issuer, subject)
  WHERE ended_at IS NULL;
CREATE INDEX account_identity_of_account ON account_identity (account_id);
COMMENT ON TABLE account_identity IS
  'an account is who an issuer of OpenID Connect calls by a subject, from when to when; no mail address says so';
