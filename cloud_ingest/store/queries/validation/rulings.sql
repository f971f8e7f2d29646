-- SPDX-License-Identifier: MIT
-- What a person said last of each claim of channels in a stretch of time.
SELECT DISTINCT ON (channel_id, ts, origin, raw)
       channel_id, extract(epoch FROM ts)::bigint AS ts, raw, origin, kind, ruling_id
FROM ruling
WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
ORDER BY channel_id, ts, origin, raw, ruling_id DESC
