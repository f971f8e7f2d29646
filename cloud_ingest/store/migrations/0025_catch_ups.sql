-- SPDX-License-Identifier: MIT
-- Which numbers cover more months than their own.

ALTER TABLE month_number ADD COLUMN since text CHECK (since < month);
COMMENT ON COLUMN month_number.since IS
  'the first month that a catch-up covers; null: its own month alone';
CREATE INDEX month_number_catch_up ON month_number (society_id, month, since)
  WHERE since IS NOT NULL;
