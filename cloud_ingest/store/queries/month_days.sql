-- SPDX-License-Identifier: MIT
-- The last register of each day of channels, from the rollups.
SELECT channel_id, day, max_ts, last_raw
FROM reading_day
WHERE channel_id = ANY(%(channels)s::int[]) AND day BETWEEN %(first)s AND %(last)s
