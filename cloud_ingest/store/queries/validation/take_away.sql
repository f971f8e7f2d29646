-- SPDX-License-Identifier: MIT
-- Take an elected claim out of the readings. One key at a time: see reading/elect.
DELETE FROM reading WHERE channel_id = %s AND ts = %s
