-- SPDX-License-Identifier: MIT
-- Roll up months again from their days.
INSERT INTO reading_month AS m
  (channel_id, month, first_raw, last_raw, min_ts, max_ts, count, sum_raw, min_raw, max_raw)
SELECT k.channel_id, k.month,
       (array_agg(d.first_raw ORDER BY d.day))[1], (array_agg(d.last_raw ORDER BY d.day DESC))[1],
       min(d.min_ts), max(d.max_ts), sum(d.count), sum(d.sum_raw), min(d.min_raw), max(d.max_raw)
FROM unnest(%(channels)s::int[], %(months)s::date[]) AS k (channel_id, month)
JOIN reading_day AS d
  ON d.channel_id = k.channel_id AND d.day >= k.month AND d.day < k.month + INTERVAL '1 month'
GROUP BY k.channel_id, k.month
ORDER BY k.channel_id, k.month
ON CONFLICT (channel_id, month) DO UPDATE
SET first_raw = excluded.first_raw, last_raw = excluded.last_raw, min_ts = excluded.min_ts,
    max_ts = excluded.max_ts, count = excluded.count, sum_raw = excluded.sum_raw,
    min_raw = excluded.min_raw, max_raw = excluded.max_raw
