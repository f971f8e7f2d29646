-- SPDX-License-Identifier: MIT
-- Keep the claims that are not what is stored; count them, and those of a better origin. A billed
-- register is judged again where one was kept.
-- LIMIT 1 of a unique key keeps every plan at one look into the index for each.
WITH other AS (
  SELECT DISTINCT ON (i.channel_id, i.ts, i.origin, i.raw)
         i.channel_id, i.ts, i.raw, i.origin, i.status,
         i.origin < r.origin OR i.origin = 0 AND i.raw <> r.raw AS better
  FROM incoming AS i
  CROSS JOIN LATERAL (
    SELECT raw, origin FROM reading
    WHERE channel_id = i.channel_id AND ts = i.ts
      AND ts BETWEEN to_timestamp(%(first)s) AND to_timestamp(%(last)s) LIMIT 1
  ) AS r
  WHERE i.raw <> r.raw OR i.origin <> r.origin
  ORDER BY i.channel_id, i.ts, i.origin, i.raw
), kept AS (
  INSERT INTO claim (channel_id, ts, raw, status, origin, received_at, source)
  SELECT channel_id, ts, raw, status, origin, %(at)s, %(source)s
  FROM other
  ORDER BY channel_id, ts, origin, raw
  ON CONFLICT DO NOTHING
  RETURNING channel_id, ts, origin, raw
), marked AS (
  INSERT INTO dirty (day, channels)
  SELECT day, array_agg(DISTINCT channel_id)
  FROM (SELECT channel_id,
               ((ts - INTERVAL '1 microsecond') AT TIME ZONE (SELECT zone FROM store))::date AS day
        FROM kept JOIN other USING (channel_id, ts, origin, raw) JOIN channel USING (channel_id)
        WHERE NOT better AND channel.obis = ANY(%(codes)s::text[])) AS changed
  GROUP BY day
)
SELECT count(*), count(*) FILTER (WHERE better) FROM other
