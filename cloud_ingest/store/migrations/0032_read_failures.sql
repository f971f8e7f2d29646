-- SPDX-License-Identifier: MIT
-- Why meters are not read: who reads which meter, when its gateway was lost, each read failure. Which day
-- of a meter the electricity rules have judged.

ALTER TABLE meter
  ADD COLUMN gateway_id int REFERENCES gateway,
  ADD COLUMN load_judged date;
COMMENT ON COLUMN meter.load_judged IS 'the last day that the electricity rules have judged';
COMMENT ON COLUMN meter.gateway_id IS 'the gateway that gave its newest reading';

ALTER TABLE gateway_status
  ADD COLUMN heard_at timestamptz,
  ADD COLUMN lost_at timestamptz,
  ADD COLUMN back_at timestamptz;
UPDATE gateway_status
SET heard_at = at,
    lost_at = CASE state WHEN 'online' THEN enrolled_at ELSE at END,
    back_at = CASE state WHEN 'online' THEN enrolled_at END
FROM gateway WHERE gateway.gateway_id = gateway_status.gateway_id;
ALTER TABLE gateway_status
  ALTER COLUMN heard_at SET NOT NULL,
  ALTER COLUMN lost_at SET NOT NULL;
COMMENT ON COLUMN gateway_status.heard_at IS 'when it spoke last, by the clock of the store';
COMMENT ON COLUMN gateway_status.lost_at IS 'when its last outage began; before the first: its enrolment';
COMMENT ON COLUMN gateway_status.back_at IS 'when that outage ended; null: it is away';

CREATE TABLE read_failure (
  failure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  meter_id int NOT NULL REFERENCES meter,
  society_id int NOT NULL REFERENCES society,
  since timestamptz NOT NULL,
  ever_read boolean NOT NULL,
  cause text NOT NULL,
  gateway text,
  bus text,
  shared boolean NOT NULL,
  other jsonb,
  other_since timestamptz,
  event_id uuid REFERENCES event,
  found_at timestamptz NOT NULL,
  ended_at timestamptz,
  read_at timestamptz,
  outcome text CHECK (outcome IN ('late', 'dry', 'used', 'unproved', 'removed')),
  moved numeric,
  unit smallint,
  looked_at timestamptz
);
CREATE UNIQUE INDEX read_failure_open ON read_failure (meter_id) WHERE ended_at IS NULL;
CREATE INDEX read_failure_unsettled ON read_failure (looked_at NULLS FIRST)
  WHERE outcome IN ('dry', 'used', 'unproved');
CREATE INDEX read_failure_of_event ON read_failure (event_id);
CREATE INDEX read_failure_of_meter ON read_failure (meter_id, since);
COMMENT ON TABLE read_failure IS 'each time that a meter was not read for too long, and why';
COMMENT ON COLUMN read_failure.since IS 'its newest reading then; where it was never read, its assignment';
COMMENT ON COLUMN read_failure.shared IS 'the cause is of its gateway or bus';
COMMENT ON COLUMN read_failure.other IS 'another cause that seems to hold, since other_since';
COMMENT ON COLUMN read_failure.read_at IS 'its newest reading when the failure ended';
COMMENT ON COLUMN read_failure.outcome IS
  'late: the readings came later, none is missing; dry: the register did not move; used: it moved by '
  'moved; unproved: it tells neither; removed: the meter was not read again';

ALTER TABLE event_change DROP CONSTRAINT event_change_what_check;
ALTER TABLE event_change ADD CONSTRAINT event_change_what_check CHECK (what IN
  ('raised', 'updated', 'acknowledged', 'muted', 'unmuted', 'cleared', 'raised_again',
   'reclassified'));
