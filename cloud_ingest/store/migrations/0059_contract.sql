-- SPDX-License-Identifier: MIT
-- A reconciliation that was taken back is kept, so that its version goes on rising.

ALTER TABLE month_reconciliation ADD COLUMN taken_back boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN month_reconciliation.taken_back IS
  'the tower had nothing to balance any more: its topic was emptied';
