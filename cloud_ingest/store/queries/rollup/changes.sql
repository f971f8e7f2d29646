-- SPDX-License-Identifier: MIT
-- Which rollups are not what they were: how many in all, and the first of them.
WITH changed AS (
  SELECT channel_id, bucket, b, n
  FROM (SELECT * FROM rollup_said WHERE NOT after) AS b
  FULL JOIN (SELECT * FROM rollup_said WHERE after) AS n USING (channel_id, bucket)
  WHERE (b.first_raw, b.last_raw, b.min_ts, b.max_ts, b.count, b.sum_raw, b.min_raw, b.max_raw)
    IS DISTINCT FROM (n.first_raw, n.last_raw, n.min_ts, n.max_ts, n.count, n.sum_raw,
                      n.min_raw, n.max_raw)
)
SELECT count(*) OVER (), society.name, manufacturer, serial, obis, bucket,
       (b).first_raw, (b).last_raw, (b).min_ts, (b).max_ts, (b).count, (b).sum_raw, (b).min_raw,
       (b).max_raw,
       (n).first_raw, (n).last_raw, (n).min_ts, (n).max_ts, (n).count, (n).sum_raw, (n).min_raw,
       (n).max_raw
FROM changed
JOIN channel USING (channel_id) JOIN meter USING (meter_id) JOIN society USING (society_id)
ORDER BY society.name, manufacturer, serial, obis, bucket
LIMIT %(limit)s
