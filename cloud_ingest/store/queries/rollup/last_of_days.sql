-- SPDX-License-Identifier: MIT
-- The last register of each day of channels, from the rollups.
SELECT channel_id, day, max_ts, last_raw
FROM days_between(%(first)s, %(last)s)
WHERE channel_id = ANY(%(channels)s::int[])
