-- SPDX-License-Identifier: MIT
-- What the water rules remember of each register, and which registers have changed since they looked.

CREATE TABLE rule_mark (
  mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channels int[] NOT NULL,
  firsts bigint[] NOT NULL,
  lasts bigint[] NOT NULL
);
COMMENT ON TABLE rule_mark IS
  'billed registers that were judged with new readings, or of which other claims are elected: the rules look at them next';
COMMENT ON COLUMN rule_mark.firsts IS
  'times of the first and last change of each, in seconds since 1970';

-- A page holds a few states: room is left, so that a state is renewed in its own page.
CREATE TABLE rule_state (
  channel_id int PRIMARY KEY REFERENCES channel,
  rules text NOT NULL,
  assigned_from timestamptz NOT NULL,
  newest bigint,
  state bytea NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE rule_state IS 'all that the water rules remember of a register';
COMMENT ON COLUMN rule_state.rules IS 'version and operating point: a state of others begins anew';
COMMENT ON COLUMN rule_state.assigned_from IS 'start of the assignment that it judges';
COMMENT ON COLUMN rule_state.newest IS 'time of the newest reading in it, in seconds since 1970; null: none';

CREATE TABLE rule_snapshot (
  channel_id int NOT NULL REFERENCES rule_state ON DELETE CASCADE,
  newest bigint NOT NULL,
  state bytea NOT NULL,
  PRIMARY KEY (channel_id, newest)
);
COMMENT ON TABLE rule_snapshot IS
  'former states, about one a week for five weeks: where late readings begin again';
