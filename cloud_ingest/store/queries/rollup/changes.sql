-- SPDX-License-Identifier: MIT
-- Which rollups are not what they were: how many in all, and the first of them.
WITH changed AS (
  SELECT channel_id, bucket, b, n
  FROM (SELECT * FROM remembered_rollup WHERE NOT after) AS b
  FULL JOIN (SELECT * FROM remembered_rollup WHERE after) AS n USING (channel_id, bucket)
  WHERE (b.first_raw, b.last_raw, b.min_ts, b.max_ts, b.count, b.sum_raw, b.min_raw, b.max_raw)
    IS DISTINCT FROM (n.first_raw, n.last_raw, n.min_ts, n.max_ts, n.count, n.sum_raw,
                      n.min_raw, n.max_raw)
)
SELECT count(*) OVER () AS total, society.name AS society, manufacturer, serial, obis, bucket,
       (b).first_raw AS before_first_raw, (b).last_raw AS before_last_raw,
       (b).min_ts AS before_min_ts, (b).max_ts AS before_max_ts, (b).count AS before_count,
       (b).sum_raw AS before_sum_raw, (b).min_raw AS before_min_raw, (b).max_raw AS before_max_raw,
       (n).first_raw AS now_first_raw, (n).last_raw AS now_last_raw, (n).min_ts AS now_min_ts,
       (n).max_ts AS now_max_ts, (n).count AS now_count, (n).sum_raw AS now_sum_raw,
       (n).min_raw AS now_min_raw, (n).max_raw AS now_max_raw
FROM changed
JOIN channel USING (channel_id) JOIN meter USING (meter_id) JOIN society USING (society_id)
ORDER BY society.name, manufacturer, serial, obis, bucket
LIMIT %(limit)s
