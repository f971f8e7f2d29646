-- SPDX-License-Identifier: MIT
-- The door to billing: numbers that were taken back, what waits for a person, and what persons say.

CREATE TABLE month_withdrawal (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text NOT NULL,
  version int NOT NULL CHECK (version > 0),
  message bytea NOT NULL,
  sha256 text NOT NULL,
  closed_at timestamptz NOT NULL,
  PRIMARY KEY (society_id, month, subject_type, subject, service, version)
);
COMMENT ON TABLE month_withdrawal IS
  'messages that took a number back; their versions and those of month_number are one sequence';

CREATE TABLE month_doubt (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('held', 'doubted')),
  version int,
  quantity numeric,
  reasons text[] NOT NULL,
  linked text NOT NULL,
  since timestamptz NOT NULL,
  PRIMARY KEY (society_id, month, subject_type, subject, service)
);
COMMENT ON TABLE month_doubt IS 'what of the closed months waits for a person; made anew by each closing';
COMMENT ON COLUMN month_doubt.kind IS
  'held: a published number would change; doubted: a number is not published';
COMMENT ON COLUMN month_doubt.version IS 'that stands; null: none does';
COMMENT ON COLUMN month_doubt.quantity IS 'what it would become; null: it would be withdrawn';
COMMENT ON COLUMN month_doubt.linked IS
  'the same for subjects that had one meter in the month: their changes go together';

CREATE TABLE number_word (
  number_word_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('accept', 'keep')),
  quantity numeric,
  author text NOT NULL,
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX number_word_month ON number_word (society_id, month);
COMMENT ON TABLE number_word IS
  'what a person says of a quantity: of one quantity the newest counts, and no row is changed';
COMMENT ON COLUMN number_word.quantity IS 'null: that the number is withdrawn';

CREATE TABLE month_look (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  looked_at timestamptz NOT NULL,
  PRIMARY KEY (society_id, month)
);
COMMENT ON TABLE month_look IS
  'what persons entered before then has been in a closing: it asks for no further change';

-- Edits are few among the elections of a large store.
CREATE INDEX election_of_edit ON election (at) WHERE new_origin = 0;
