-- SPDX-License-Identifier: MIT
-- Assignments are versions: who said so, why and when. A view shows those that hold now.

ALTER TABLE assignment DROP CONSTRAINT assignment_meter_once;
ALTER TABLE assignment RENAME TO assignment_version;
ALTER TABLE assignment_version
  ADD COLUMN label text,
  ADD COLUMN author text,
  ADD COLUMN reason text,
  ADD COLUMN recorded_at timestamptz,
  ADD COLUMN superseded_at timestamptz,
  ADD COLUMN taken_back boolean NOT NULL DEFAULT false;

-- When a line was imported was not kept: not before the store was made.
UPDATE assignment_version
SET label = subject, author = 'unit management', reason = 'imported before versions were kept',
    recorded_at = (SELECT created_at FROM store);

ALTER TABLE assignment_version
  ALTER COLUMN label SET NOT NULL,
  ALTER COLUMN author SET NOT NULL,
  ALTER COLUMN reason SET NOT NULL,
  ALTER COLUMN recorded_at SET NOT NULL,
  ADD CHECK (superseded_at IS NOT NULL OR NOT taken_back),
  -- A meter serves one subject at a time; the range of one number needs no extension.
  ADD CONSTRAINT assignment_meter_once EXCLUDE USING gist (
    int4range(meter_id, meter_id, '[]') WITH &&, tstzrange(valid_from, valid_to) WITH &&
  ) WHERE (superseded_at IS NULL) DEFERRABLE INITIALLY DEFERRED;

DROP INDEX assignment_subject;
CREATE INDEX assignment_subject
  ON assignment_version (society_id, subject_type, subject, service) WHERE superseded_at IS NULL;
CREATE INDEX assignment_meter ON assignment_version (meter_id);

COMMENT ON TABLE assignment_version IS
  'which meter served whom, as it was said each time; only superseded_at is ever updated';
COMMENT ON COLUMN assignment_version.subject IS
  'the name of the subject everywhere: its label, or tower/label where two towers have the label';
COMMENT ON COLUMN assignment_version.label IS 'what the list of units calls it';
COMMENT ON COLUMN assignment_version.superseded_at IS
  'when another version took its place, or it was taken back; null: it holds';
COMMENT ON COLUMN assignment_version.taken_back IS
  'it says that the version before it is not true, and itself never held';

CREATE VIEW assignment AS
SELECT assignment_id, society_id, tower, subject_type, subject, label, service, source, meter_id,
       legacy, valid_from, valid_to, author, reason, recorded_at
FROM assignment_version
WHERE superseded_at IS NULL;
COMMENT ON VIEW assignment IS 'which meter serves whom, as it is known now';
