-- SPDX-License-Identifier: MIT
-- One mark for each commit and day instead of one for each channel: a commit of thousands of
-- readings adds a row or two.

ALTER TABLE dirty ADD COLUMN channels int[];
UPDATE dirty SET channels = CASE (SELECT rollups FROM store) WHEN 'continuous' THEN '{}'
                                 ELSE ARRAY[channel_id] END;
ALTER TABLE dirty ALTER COLUMN channels SET NOT NULL, DROP COLUMN channel_id;
COMMENT ON COLUMN dirty.channels IS
  'whose day it is; empty: of any, where days are rolled up for all channels at once';
