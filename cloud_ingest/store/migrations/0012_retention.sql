-- SPDX-License-Identifier: MIT
-- How long readings are kept. Days and months, evidence and closed numbers stay for ever.

ALTER TABLE store
  ADD COLUMN keep_months int CHECK (keep_months >= 13),
  ADD COLUMN kept_from timestamptz;
COMMENT ON COLUMN store.keep_months IS 'whole months of readings that are kept besides the current one; null: all';
COMMENT ON COLUMN store.kept_from IS
  'older readings are gone or going, and refused; it only rises, and is the border of a month';

-- Room beside the row, so that the time of a meter's newest reading moves without its indexes.
ALTER TABLE meter SET (fillfactor = 70);
