-- SPDX-License-Identifier: MIT
-- What persons enter, and what closings have heard of it, have an order of their own: no clock tells it.

CREATE SEQUENCE entry_order;

ALTER TABLE ruling ADD COLUMN entry_order bigint;
ALTER TABLE self_read ADD COLUMN entry_order bigint;
ALTER TABLE epoch ADD COLUMN entry_order bigint;
ALTER TABLE dial_reading ADD COLUMN entry_order bigint;
ALTER TABLE assignment_version ADD COLUMN entry_order bigint, ADD COLUMN superseded_order bigint;
ALTER TABLE election ADD COLUMN entry_order bigint;
ALTER TABLE number_word ADD COLUMN entry_order bigint;
ALTER TABLE month_number ADD COLUMN heard_order bigint;
ALTER TABLE month_withdrawal ADD COLUMN heard_order bigint;
ALTER TABLE month_close ADD COLUMN heard_order bigint;
ALTER TABLE month_look ADD COLUMN heard_order bigint;

-- Until now the clock told it: microseconds since 1970. What is heard at a time does not hear itself.
UPDATE ruling SET entry_order = extract(epoch FROM ruled_at) * 1000000;
UPDATE self_read SET entry_order = extract(epoch FROM entered_at) * 1000000;
UPDATE epoch SET entry_order = extract(epoch FROM recorded_at) * 1000000;
UPDATE dial_reading SET entry_order = extract(epoch FROM entered_at) * 1000000;
UPDATE assignment_version SET
  entry_order = extract(epoch FROM recorded_at) * 1000000,
  superseded_order = extract(epoch FROM superseded_at) * 1000000;
UPDATE election SET entry_order = extract(epoch FROM at) * 1000000 WHERE new_origin = 0;
UPDATE number_word SET entry_order = extract(epoch FROM recorded_at) * 1000000;
UPDATE month_number SET heard_order = extract(epoch FROM closed_at) * 1000000 - 1;
UPDATE month_withdrawal SET heard_order = extract(epoch FROM closed_at) * 1000000 - 1;
UPDATE month_close SET heard_order = extract(epoch FROM last_closed_at) * 1000000;
UPDATE month_look SET heard_order = extract(epoch FROM looked_at) * 1000000 - 1;
SELECT setval('entry_order', (
  SELECT max(number) + 1 FROM (
    SELECT (extract(epoch FROM now()) * 1000000)::bigint AS number
    UNION ALL SELECT max(entry_order) FROM ruling
    UNION ALL SELECT max(entry_order) FROM self_read
    UNION ALL SELECT max(entry_order) FROM epoch
    UNION ALL SELECT max(entry_order) FROM dial_reading
    UNION ALL SELECT max(greatest(entry_order, superseded_order)) FROM assignment_version
    UNION ALL SELECT max(entry_order) FROM election
    UNION ALL SELECT max(entry_order) FROM number_word
    UNION ALL SELECT max(heard_order) FROM month_number
    UNION ALL SELECT max(heard_order) FROM month_withdrawal
    UNION ALL SELECT max(heard_order) FROM month_close
    UNION ALL SELECT max(heard_order) FROM month_look
  ) AS known
));

ALTER TABLE ruling ALTER COLUMN entry_order SET NOT NULL,
  ALTER COLUMN entry_order SET DEFAULT nextval('entry_order');
ALTER TABLE self_read ALTER COLUMN entry_order SET NOT NULL,
  ALTER COLUMN entry_order SET DEFAULT nextval('entry_order');
ALTER TABLE epoch ALTER COLUMN entry_order SET NOT NULL,
  ALTER COLUMN entry_order SET DEFAULT nextval('entry_order');
ALTER TABLE dial_reading ALTER COLUMN entry_order SET NOT NULL,
  ALTER COLUMN entry_order SET DEFAULT nextval('entry_order');
ALTER TABLE assignment_version ALTER COLUMN entry_order SET NOT NULL,
  ALTER COLUMN entry_order SET DEFAULT nextval('entry_order');
ALTER TABLE election ALTER COLUMN entry_order SET DEFAULT nextval('entry_order');
ALTER TABLE number_word ALTER COLUMN entry_order SET NOT NULL,
  ALTER COLUMN entry_order SET DEFAULT nextval('entry_order');
ALTER TABLE month_number ALTER COLUMN heard_order SET NOT NULL, ALTER COLUMN heard_order SET DEFAULT 0;
ALTER TABLE month_withdrawal ALTER COLUMN heard_order SET NOT NULL, ALTER COLUMN heard_order SET DEFAULT 0;
ALTER TABLE month_close ALTER COLUMN heard_order SET NOT NULL, ALTER COLUMN heard_order SET DEFAULT 0;
ALTER TABLE month_look ALTER COLUMN heard_order SET NOT NULL, DROP COLUMN looked_at;
DROP INDEX election_of_edit;
CREATE INDEX election_of_edit ON election (entry_order) WHERE new_origin = 0;

COMMENT ON SEQUENCE entry_order IS
  'the order in which persons entered something, whatever the clock said; before migration 28 by the clock';
COMMENT ON COLUMN month_number.heard_order IS 'what was entered up to here was known when it was made';
COMMENT ON COLUMN month_close.heard_order IS 'what was entered up to here was known when the manifest was made';
COMMENT ON COLUMN month_look.heard_order IS 'what was entered up to here has been in a closing';
COMMENT ON COLUMN assignment_version.superseded_order IS 'the place of superseded_at in the order of entries';
