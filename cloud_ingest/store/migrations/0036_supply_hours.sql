-- SPDX-License-Identifier: MIT
-- The hours of a day in which a tower has water, as people enter them.

CREATE TABLE supply_entry (
  supply_entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  tower text,
  valid_from date NOT NULL,
  hours int[],
  author text NOT NULL,
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX supply_entry_of_tower ON supply_entry (society_id, tower, valid_from);
COMMENT ON TABLE supply_entry IS
  'the hours with water, as somebody said each time; of one tower and day the newest entry holds';
COMMENT ON COLUMN supply_entry.tower IS 'null: every tower of the society that has no entry of its own';
COMMENT ON COLUMN supply_entry.hours IS
  'full hours of the society''s day, 0 to 23, all of them: always; null: from then on meters show it';
