-- SPDX-License-Identifier: MIT
-- Store what is new, in the order of the key, and mark its days. What was set aside is not new. It
-- tells how many rows are new, and of which channels.
WITH added AS (
  INSERT INTO reading (channel_id, ts, raw, status, origin)
  SELECT DISTINCT ON (channel_id, ts) channel_id, ts, raw, status, origin
  FROM incoming AS i
  WHERE NOT EXISTS (SELECT FROM verdict AS v
                    WHERE v.channel_id = i.channel_id AND v.ts = i.ts
                      AND v.origin = i.origin AND v.raw = i.raw)
    AND NOT EXISTS (SELECT FROM ruling AS u
                    WHERE u.channel_id = i.channel_id AND u.ts = i.ts
                      AND u.origin = i.origin AND u.raw = i.raw AND u.kind = 'set_aside')
  ORDER BY channel_id, ts, origin, raw
  ON CONFLICT (channel_id, ts) DO NOTHING
  RETURNING channel_id, ts
), marked AS (
  INSERT INTO dirty (day, channels)
  SELECT day, array_agg(DISTINCT channel_id)
  FROM (SELECT channel_id,
               ((ts - INTERVAL '1 microsecond') AT TIME ZONE (SELECT zone FROM store))::date AS day
        FROM added) AS changed
  GROUP BY day
)
SELECT count(*), coalesce(array_agg(DISTINCT channel_id), '{}') FROM added
