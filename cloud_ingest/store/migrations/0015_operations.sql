-- SPDX-License-Identifier: MIT
-- Versions that no restore gives twice; readings of an earlier system.

ALTER TABLE store ADD COLUMN version_floor int NOT NULL DEFAULT 1 CHECK (version_floor > 0);
COMMENT ON COLUMN store.version_floor IS
  'the least version that a monthly number gets from now on; a store that was restored starts '
  'from the minute of that, because what it gave since the backup is not in it';

-- The rows that are there satisfy it: they need not be read again.
ALTER TABLE reading DROP CONSTRAINT reading_origin_check;
ALTER TABLE reading
  ADD CONSTRAINT reading_origin_check CHECK (origin BETWEEN 0 AND 3) NOT VALID;
COMMENT ON COLUMN reading.origin IS
  '0 edit, 1 meter, 2 self-read, 3 imported: the lower wins the election, of edits the newest';

CREATE TABLE history_import (
  society_id int NOT NULL REFERENCES society,
  sha256 text NOT NULL,
  file text NOT NULL,
  rows bigint NOT NULL,
  first_ts timestamptz NOT NULL,
  last_ts timestamptz NOT NULL,
  imported_at timestamptz NOT NULL,
  PRIMARY KEY (society_id, sha256)
);
COMMENT ON TABLE history_import IS 'files of an earlier system that were taken in to their end';
