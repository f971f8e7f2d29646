-- SPDX-License-Identifier: MIT
-- A change that a person kept out is remembered, so that the same person can let it in after all.

ALTER TABLE month_doubt DROP CONSTRAINT month_doubt_kind_check;
ALTER TABLE month_doubt ADD CONSTRAINT month_doubt_kind_check
  CHECK (kind IN ('held', 'doubted', 'kept'));
COMMENT ON COLUMN month_doubt.kind IS
  'held: a published number would change; doubted: a number is not published; '
  'kept: a person said that the published number stands';
