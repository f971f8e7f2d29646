-- SPDX-License-Identifier: MIT
-- Store what is new, in the order of the key, and mark its days.
WITH added AS (
  INSERT INTO reading (channel_id, ts, raw, status, origin)
  SELECT DISTINCT ON (channel_id, ts) channel_id, ts, raw, status, origin
  FROM incoming
  ORDER BY channel_id, ts, origin, raw
  ON CONFLICT (channel_id, ts) DO NOTHING
  RETURNING channel_id, ts
), marked AS (
  INSERT INTO dirty (day, channels)
  SELECT day, CASE (SELECT rollups FROM store) WHEN 'continuous' THEN '{}'
                   ELSE array_agg(DISTINCT channel_id) END
  FROM (SELECT channel_id,
               ((ts - INTERVAL '1 microsecond') AT TIME ZONE (SELECT zone FROM store))::date AS day
        FROM added) AS changed
  GROUP BY day
)
SELECT count(*) FROM added
