-- SPDX-License-Identifier: MIT
-- Labels as people read them: A-2 stands before A-10.
-- beside: 0075

ALTER TABLE assignment_version ADD COLUMN subject_order text GENERATED ALWAYS AS (
  regexp_replace(regexp_replace(subject, '(\d+)', '0000000000\1', 'g'), '\d*(\d{10})', '\1', 'g')
) STORED;
COMMENT ON COLUMN assignment_version.subject_order IS 'the subject with each number of ten digits, by which labels are sorted';

CREATE OR REPLACE VIEW assignment AS
SELECT assignment_id, society_id, tower, subject_type, subject, label, service, source, meter_id, legacy, valid_from,
       valid_to, author, reason, recorded_at, parent, subject_order
FROM assignment_version WHERE superseded_at IS NULL;
