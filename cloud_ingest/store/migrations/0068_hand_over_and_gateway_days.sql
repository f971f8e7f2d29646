-- SPDX-License-Identifier: MIT
-- A flag that a person hands to the helpdesk; how whole the days of gateways are.
-- beside: 0064

ALTER TABLE event
  ADD COLUMN handed_by text,
  ADD COLUMN handed_at timestamptz,
  ADD COLUMN handed_because text;
COMMENT ON COLUMN event.handed_by IS 'who handed it to the helpdesk; null: nobody has';

ALTER TABLE event_change DROP CONSTRAINT event_change_what_check;
ALTER TABLE event_change ADD CONSTRAINT event_change_what_check CHECK (what IN
  ('raised', 'updated', 'acknowledged', 'handed', 'muted', 'unmuted', 'cleared', 'raised_again',
   'reclassified'));

CREATE TABLE gateway_day (
  society_id int NOT NULL REFERENCES society,
  gateway_id int NOT NULL REFERENCES gateway,
  day date NOT NULL,
  expected bigint NOT NULL,
  present bigint NOT NULL,
  counted_at timestamptz NOT NULL,
  PRIMARY KEY (gateway_id, day)
);
CREATE INDEX gateway_day_of_society ON gateway_day (society_id);
COMMENT ON TABLE gateway_day IS
  'how many intervals the meters behind a gateway should have brought on a day, and how many they did; of the last 30 days, counted anew each hour';
