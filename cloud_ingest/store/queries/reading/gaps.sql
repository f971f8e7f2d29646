-- SPDX-License-Identifier: MIT
-- Where in each window the readings of a channel are more than one and a half periods apart.
SELECT w.channel_id, gap.starts_at AS start, gap.ends_at AS "end"
FROM unnest(%(channels)s::int[], %(periods_s)s::int[], %(starts)s::timestamptz[],
            %(ends)s::timestamptz[])
  AS w (channel_id, period_s, starts_at, ends_at)
CROSS JOIN LATERAL (
  SELECT coalesce(lag(ts) OVER (ORDER BY ts), w.starts_at) AS starts_at, ts AS ends_at
  FROM (
    SELECT ts FROM reading
    WHERE channel_id = w.channel_id AND ts > w.starts_at AND ts <= w.ends_at
      AND ts > %(start)s AND ts <= %(end)s
    UNION ALL SELECT w.ends_at
  ) AS points
) AS gap
WHERE extract(epoch FROM gap.ends_at - gap.starts_at) > 1.5 * w.period_s
ORDER BY 1, 2
