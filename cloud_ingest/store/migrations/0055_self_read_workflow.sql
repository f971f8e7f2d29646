-- SPDX-License-Identifier: MIT
-- How a resident's reading becomes a number: links, what came in, photos, and who decided.
-- beside: 0049

CREATE TABLE self_read_link (
  link_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text,
  handle text NOT NULL UNIQUE,
  secret_sha256 bytea NOT NULL,
  author text NOT NULL,
  created_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL
);
CREATE INDEX self_read_link_subject ON self_read_link (society_id, subject);
COMMENT ON TABLE self_read_link IS 'links by which residents send what their dials show; the secret is not kept';
COMMENT ON COLUMN self_read_link.service IS 'for which service; null: for all of the unit';
COMMENT ON COLUMN self_read_link.handle IS 'the first part of the link: finds the row, and opens nothing';
COMMENT ON COLUMN self_read_link.secret_sha256 IS 'SHA-256 of its second part, 160 random bits';

CREATE TABLE self_read_link_end (
  link_id bigint PRIMARY KEY REFERENCES self_read_link,
  author text NOT NULL,
  reason text NOT NULL,
  ended_at timestamptz NOT NULL
);
COMMENT ON TABLE self_read_link_end IS 'links that were revoked';

CREATE TABLE self_read_link_try (
  link_id bigint NOT NULL REFERENCES self_read_link,
  hour timestamptz NOT NULL,
  wrong int NOT NULL,
  PRIMARY KEY (link_id, hour)
);
COMMENT ON TABLE self_read_link_try IS 'how often somebody came with a wrong secret in an hour';

CREATE TABLE self_read_submission (
  submission_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  receipt uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  society_id int NOT NULL REFERENCES society,
  assignment_id int NOT NULL REFERENCES assignment_version,
  subject_type text NOT NULL,
  subject text NOT NULL,
  service text NOT NULL,
  source text NOT NULL,
  client_id text NOT NULL,
  shown text NOT NULL,
  value numeric NOT NULL,
  step numeric NOT NULL,
  read_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  link_id bigint REFERENCES self_read_link,
  author text NOT NULL,
  remarks jsonb NOT NULL,
  entry_order bigint NOT NULL DEFAULT nextval('entry_order'),
  UNIQUE (society_id, subject_type, subject, service, client_id)
);
CREATE INDEX self_read_submission_received ON self_read_submission (society_id, received_at);
COMMENT ON TABLE self_read_submission IS 'what residents sent, whether it became a reading or not';
COMMENT ON COLUMN self_read_submission.client_id IS 'the sender''s own id: the same again changes nothing';
COMMENT ON COLUMN self_read_submission.shown IS 'the digits as they were typed';
COMMENT ON COLUMN self_read_submission.step IS 'the register lies from value to less than value + step';
COMMENT ON COLUMN self_read_submission.link_id IS 'the link by which it came; null: by a program''s token or a person';
COMMENT ON COLUMN self_read_submission.remarks IS 'what was doubted of it, and why; empty: nothing';

CREATE TABLE self_read_photo (
  submission_id bigint PRIMARY KEY REFERENCES self_read_submission,
  sent_sha256 bytea NOT NULL,
  width int NOT NULL,
  height int NOT NULL,
  taken_local timestamp,
  taken_offset_s int,
  received_at timestamptz NOT NULL
);
COMMENT ON TABLE self_read_photo IS 'the photo of a dial that came with what was sent';
COMMENT ON COLUMN self_read_photo.sent_sha256 IS 'SHA-256 of the bytes as they came';
COMMENT ON COLUMN self_read_photo.taken_local IS 'when it was taken, by its own clock; null: it does not say';
COMMENT ON COLUMN self_read_photo.taken_offset_s IS 'of that clock from UTC, in seconds; null: it does not say';

CREATE TABLE self_read_picture (
  submission_id bigint PRIMARY KEY REFERENCES self_read_photo,
  jpeg bytea NOT NULL
);
ALTER TABLE self_read_picture ALTER COLUMN jpeg SET STORAGE EXTERNAL;
COMMENT ON TABLE self_read_picture IS 'the photo itself, made anew; it goes after the months that the settings name';

CREATE TABLE self_read_decision (
  submission_id bigint PRIMARY KEY REFERENCES self_read_submission,
  decision text NOT NULL CHECK (decision IN ('taken', 'approved', 'refused', 'replaced', 'not_needed')),
  author text NOT NULL,
  reason text NOT NULL,
  seen jsonb NOT NULL,
  decided_at timestamptz NOT NULL
);
COMMENT ON TABLE self_read_decision IS 'what became of what was sent: one word for each, by the check or by a person';
COMMENT ON COLUMN self_read_decision.decision IS
  'taken: it was plausible; approved, refused: a person''s word; replaced: a later one was taken; not_needed: the meter was read by itself';
COMMENT ON COLUMN self_read_decision.seen IS 'what stood before whoever decided';
