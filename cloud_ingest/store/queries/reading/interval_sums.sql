-- SPDX-License-Identifier: MIT
-- The intervals of a channel in each window added up, with the first and the last of them.
SELECT w.channel_id, w.starts_at, r.count, r.total, r.first, r.last
FROM unnest(%(channels)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
  AS w (channel_id, starts_at, ends_at)
CROSS JOIN LATERAL (
  SELECT count(*) AS count, sum(raw) AS total, min(ts) AS first, max(ts) AS last FROM reading
  WHERE channel_id = w.channel_id AND ts > w.starts_at AND ts <= w.ends_at
    AND ts > %(start)s AND ts <= %(end)s
) AS r
WHERE r.count > 0
