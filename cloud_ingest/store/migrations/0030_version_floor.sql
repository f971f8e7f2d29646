-- SPDX-License-Identifier: MIT
-- No version of a number is given twice, also where the store forgot some in a restore.

ALTER TABLE store ADD COLUMN version_floor int NOT NULL DEFAULT 1 CHECK (version_floor > 0);
COMMENT ON COLUMN store.version_floor IS
  'the least version that a monthly number gets from now on; a store that was restored starts '
  'from the minute of that, because what it gave since the backup is not in it';
