-- SPDX-License-Identifier: MIT
-- Mark days whose elected readings have changed, each with its channels.
INSERT INTO dirty (day, channels)
SELECT day, array_agg(DISTINCT channel_id)
FROM unnest(%(channels)s::int[], %(days)s::date[]) AS changed (channel_id, day)
GROUP BY day
RETURNING dirty_id, day, channels
