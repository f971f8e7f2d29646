-- SPDX-License-Identifier: MIT
-- The run of the month: what has come of months that have ended, and how far the run is.
-- beside: 0049

CREATE TABLE month_touch (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  touch bigint NOT NULL,
  PRIMARY KEY (society_id, month)
);
COMMENT ON TABLE month_touch IS 'months that had ended when readings of them were rolled up';
COMMENT ON COLUMN month_touch.touch IS 'rises whenever something came that may change the month';

CREATE TABLE month_run (
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  looked jsonb NOT NULL,
  entry_order bigint NOT NULL,
  turned_at timestamptz NOT NULL,
  refused text,
  PRIMARY KEY (society_id, month)
);
COMMENT ON TABLE month_run IS 'the last turn of the run at each month';
COMMENT ON COLUMN month_run.looked IS 'what the run had seen then: the same again is no reason for a turn';
COMMENT ON COLUMN month_run.entry_order IS 'the last entry of persons that it had seen';
COMMENT ON COLUMN month_run.refused IS 'why the month could not be closed; null: it was';
