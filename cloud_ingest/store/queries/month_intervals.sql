-- SPDX-License-Identifier: MIT
-- How many intervals a month has and what they add up to, from the rollups.
SELECT channel_id, count, sum_raw
FROM reading_month
WHERE channel_id = ANY(%(channels)s::int[]) AND month = %(month)s
