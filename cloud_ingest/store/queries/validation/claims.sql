-- SPDX-License-Identifier: MIT
-- Every claim of channels in a stretch of time, elected or not.
SELECT channel_id, extract(epoch FROM ts)::bigint AS ts, raw, status, origin,
       NULL::timestamptz AS received_at
FROM reading
WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
UNION ALL
SELECT channel_id, extract(epoch FROM ts)::bigint, raw, status, origin, received_at
FROM claim
WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
