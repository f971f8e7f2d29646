-- SPDX-License-Identifier: MIT
-- Where a day or month of channels is not what its readings say; whether it waits for a refresh.
-- The first and last reading of a bucket are those at the times that the rollup names; where these
-- are not the first and last time of its readings, the times differ.
WITH days AS (
  SELECT * FROM days_between(%(first)s, %(last)s) WHERE channel_id = ANY(%(channels)s::int[])
), months AS (
  SELECT * FROM months_between(%(first)s, %(first)s) WHERE channel_id = ANY(%(channels)s::int[])
), told AS (
  SELECT channel_id, day, max(raw) FILTER (WHERE ts = d.min_ts) AS first_raw,
         max(raw) FILTER (WHERE ts = d.max_ts) AS last_raw,
         min(ts) AS min_ts, max(ts) AS max_ts, count(*) AS count, sum(raw) AS sum_raw,
         min(raw) AS min_raw, max(raw) AS max_raw
  FROM (
    SELECT channel_id, %(first)s::date + width_bucket(ts, %(starts)s::timestamptz[]) - 1 AS day,
           ts, raw
    FROM reading
    WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
  ) AS r LEFT JOIN days AS d USING (channel_id, day)
  GROUP BY channel_id, day
), told_month AS (
  SELECT channel_id, max(told.last_raw) FILTER (WHERE told.max_ts = m.max_ts) AS last_raw,
         max(told.first_raw) FILTER (WHERE told.min_ts = m.min_ts) AS first_raw,
         min(told.min_ts) AS min_ts, max(told.max_ts) AS max_ts, sum(told.count)::bigint AS count,
         sum(told.sum_raw) AS sum_raw, min(told.min_raw) AS min_raw, max(told.max_raw) AS max_raw
  FROM told LEFT JOIN months AS m USING (channel_id)
  GROUP BY channel_id
), different AS (
  SELECT channel_id, day, 'day' AS bucket, told.max_ts, d.last_raw AS rolled_up,
         told.count AS told_count, d.count AS rolled_up_count
  FROM told FULL JOIN days AS d USING (channel_id, day)
  WHERE (told.first_raw, told.last_raw, told.min_ts, told.max_ts, told.count, told.sum_raw,
         told.min_raw, told.max_raw)
    IS DISTINCT FROM (d.first_raw, d.last_raw, d.min_ts, d.max_ts, d.count, d.sum_raw,
                      d.min_raw, d.max_raw)
  UNION ALL
  SELECT channel_id, %(first)s::date, 'month', told.max_ts, m.last_raw, told.count, m.count
  FROM told_month AS told FULL JOIN months AS m USING (channel_id)
  WHERE (told.first_raw, told.last_raw, told.min_ts, told.max_ts, told.count, told.sum_raw,
         told.min_raw, told.max_raw)
    IS DISTINCT FROM (m.first_raw, m.last_raw, m.min_ts, m.max_ts, m.count, m.sum_raw,
                      m.min_raw, m.max_raw)
), worst AS (
  SELECT different.*,
         EXISTS (SELECT FROM dirty
                 WHERE dirty.channel_id = different.channel_id
                   AND dirty.day BETWEEN %(first)s AND %(last)s
                   AND (different.bucket = 'month' OR dirty.day = different.day)) AS waits
  FROM different
  ORDER BY waits, channel_id, day, bucket
  LIMIT 1
)
SELECT worst.channel_id, day, bucket, reading.raw, rolled_up, told_count, rolled_up_count,
       meter.manufacturer, meter.serial, channel.obis, waits
FROM worst JOIN channel USING (channel_id) JOIN meter USING (meter_id)
LEFT JOIN reading ON reading.channel_id = worst.channel_id AND reading.ts = worst.max_ts
  AND reading.ts > %(start)s AND reading.ts <= %(end)s
