-- SPDX-License-Identifier: MIT
-- The intervals of a channel that end in each window; both ends belong to it.
SELECT r.channel_id, r.ts, r.raw
FROM unnest(%(channels)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
  AS w (channel_id, starts_at, ends_at)
CROSS JOIN LATERAL (
  SELECT * FROM reading
  WHERE channel_id = w.channel_id AND ts >= w.starts_at AND ts <= w.ends_at
    AND ts >= %(start)s AND ts <= %(end)s
  ORDER BY ts
) AS r
