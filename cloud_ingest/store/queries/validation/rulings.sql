-- SPDX-License-Identifier: MIT
-- What a person said last of each claim of channels in a stretch of time. Who forced a self-read
-- vouched for it.
SELECT DISTINCT ON (channel_id, ts, origin, raw)
       channel_id, extract(epoch FROM ts)::bigint AS ts, raw, origin, kind, ruling_id
FROM (
  SELECT channel_id, ts, raw, origin, kind, ruling_id FROM ruling
  UNION ALL
  SELECT channel_id, read_at, raw, %(self_read)s::smallint, 'restore', 0
  FROM self_read
  WHERE forced_because IS NOT NULL
) AS said
WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
ORDER BY channel_id, ts, origin, raw, ruling_id DESC
