-- SPDX-License-Identifier: MIT
-- What a meter can count at most, by its rating; which stretches of registers wait to be judged; and
-- more rules by which a claim is unsound.

ALTER TABLE meter
  ADD COLUMN phases smallint CHECK (phases IN (1, 3)),
  ADD COLUMN max_current_a numeric CHECK (max_current_a > 0),
  ADD COLUMN q4_m3_h numeric CHECK (q4_m3_h > 0);
COMMENT ON COLUMN meter.max_current_a IS
  'the most current that it is made for, in each phase; null: it is not known';
COMMENT ON COLUMN meter.q4_m3_h IS
  'the overload flow of a water meter, in cubic metres an hour; null: it is not known';

CREATE TABLE unjudged (
  unjudged_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channels int[] NOT NULL,
  firsts bigint[] NOT NULL,
  lasts bigint[] NOT NULL,
  counts int[] NOT NULL,
  fastest float8[] NOT NULL
);
COMMENT ON TABLE unjudged IS
  'what was stored of billed registers and waits to be judged: a stretch of readings for each channel';
COMMENT ON COLUMN unjudged.firsts IS 'times of the first and last reading, in seconds since 1970';
COMMENT ON COLUMN unjudged.counts IS 'how many readings lie in it; 0: it must be looked at closely';
COMMENT ON COLUMN unjudged.fastest IS
  'raw steps a second, the most between two of its readings; Infinity: it falls or is negative';

-- Whatever may still be billed is looked at once.
INSERT INTO unjudged (channels, firsts, lasts, counts, fastest)
SELECT ARRAY[channel_id], ARRAY[extract(epoch FROM now() - INTERVAL '62 days')::bigint],
       ARRAY[extract(epoch FROM now())::bigint], '{0}', '{Infinity}'
FROM channel WHERE obis IN ('1.0.1.8.0.255', '8.0.1.0.0.255');

ALTER TABLE verdict DROP CONSTRAINT verdict_rule_check, ADD CONSTRAINT verdict_rule_check
  CHECK (rule IN ('negative', 'fall', 'ceiling', 'sum_check', 'status'));
