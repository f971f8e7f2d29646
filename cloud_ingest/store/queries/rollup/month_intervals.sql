-- SPDX-License-Identifier: MIT
-- How many intervals a month has and what they add up to, from the rollups.
SELECT channel_id, count, sum_raw
FROM months_between(%(month)s, %(month)s)
WHERE channel_id = ANY(%(channels)s::int[])
