-- SPDX-License-Identifier: MIT
-- The intervals of channels that end in a stretch of time.
SELECT channel_id, extract(epoch FROM ts)::bigint AS ts, raw
FROM reading
WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
