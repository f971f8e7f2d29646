-- SPDX-License-Identifier: MIT
-- Where a day or month of channels is not what its readings say, though no mark of it waits for a
-- refresh.
WITH waiting AS (
  SELECT DISTINCT channel_id, day
  FROM dirty CROSS JOIN LATERAL unnest(channels) AS own (channel_id)
  WHERE day BETWEEN %(first)s AND %(last)s
), told AS (
  SELECT channel_id,
         ((ts - INTERVAL '1 microsecond') AT TIME ZONE %(zone)s)::date AS day,
         (array_agg(raw ORDER BY ts))[1] AS first_raw,
         (array_agg(raw ORDER BY ts DESC))[1] AS last_raw,
         min(ts) AS min_ts, max(ts) AS max_ts, count(*) AS count, sum(raw) AS sum_raw,
         min(raw) AS min_raw, max(raw) AS max_raw
  FROM reading
  WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
  GROUP BY 1, 2
), told_month AS (
  SELECT channel_id, (array_agg(first_raw ORDER BY day))[1] AS first_raw,
         (array_agg(last_raw ORDER BY day DESC))[1] AS last_raw,
         min(min_ts) AS min_ts, max(max_ts) AS max_ts, sum(count)::bigint AS count,
         sum(sum_raw) AS sum_raw, min(min_raw) AS min_raw, max(max_raw) AS max_raw
  FROM told
  GROUP BY channel_id
), days AS (
  SELECT * FROM days_between(%(first)s, %(last)s) WHERE channel_id = ANY(%(channels)s::int[])
), months AS (
  SELECT * FROM months_between(%(first)s, %(first)s) WHERE channel_id = ANY(%(channels)s::int[])
), different AS (
  SELECT channel_id, 'day' AS bucket, day,
         told.first_raw AS told_first_raw, told.last_raw AS told_last_raw,
         told.min_ts AS told_min_ts, told.max_ts AS told_max_ts, told.count AS told_count,
         told.sum_raw AS told_sum_raw, told.min_raw AS told_min_raw, told.max_raw AS told_max_raw,
         d.first_raw AS rolled_first_raw, d.last_raw AS rolled_last_raw, d.min_ts AS rolled_min_ts,
         d.max_ts AS rolled_max_ts, d.count AS rolled_count, d.sum_raw AS rolled_sum_raw,
         d.min_raw AS rolled_min_raw, d.max_raw AS rolled_max_raw
  FROM told FULL JOIN days AS d USING (channel_id, day)
  WHERE (told.first_raw, told.last_raw, told.min_ts, told.max_ts, told.count, told.sum_raw,
         told.min_raw, told.max_raw)
    IS DISTINCT FROM (d.first_raw, d.last_raw, d.min_ts, d.max_ts, d.count, d.sum_raw,
                      d.min_raw, d.max_raw)
  UNION ALL
  SELECT channel_id, 'month', %(first)s::date,
         told.first_raw, told.last_raw, told.min_ts, told.max_ts, told.count, told.sum_raw,
         told.min_raw, told.max_raw,
         m.first_raw, m.last_raw, m.min_ts, m.max_ts, m.count, m.sum_raw, m.min_raw, m.max_raw
  FROM told_month AS told FULL JOIN months AS m USING (channel_id)
  WHERE (told.first_raw, told.last_raw, told.min_ts, told.max_ts, told.count, told.sum_raw,
         told.min_raw, told.max_raw)
    IS DISTINCT FROM (m.first_raw, m.last_raw, m.min_ts, m.max_ts, m.count, m.sum_raw,
                      m.min_raw, m.max_raw)
)
SELECT channel_id, bucket, day, meter.manufacturer, meter.serial, channel.obis,
       told_first_raw, told_last_raw, told_min_ts, told_max_ts, told_count, told_sum_raw,
       told_min_raw, told_max_raw,
       rolled_first_raw, rolled_last_raw, rolled_min_ts, rolled_max_ts, rolled_count,
       rolled_sum_raw, rolled_min_raw, rolled_max_raw
FROM different JOIN channel USING (channel_id) JOIN meter USING (meter_id)
WHERE CASE bucket
  WHEN 'day' THEN (channel_id, day) NOT IN (SELECT channel_id, day FROM waiting)
  ELSE channel_id NOT IN (SELECT channel_id FROM waiting) END
ORDER BY channel_id, day, bucket
LIMIT 1
