-- SPDX-License-Identifier: MIT
-- What meters said in windows and called not valid themselves.
SELECT DISTINCT v.channel_id, v.ts, v.raw, v.origin
FROM unnest(%(channels)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
  AS w (channel_id, starts_at, ends_at)
JOIN verdict AS v ON v.channel_id = w.channel_id AND v.ts >= w.starts_at AND v.ts <= w.ends_at
WHERE v.rule = ANY(%(rules)s)
