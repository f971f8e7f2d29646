-- SPDX-License-Identifier: MIT
-- Keep the claims that are not what is stored; count them, and those that may be elected: of a
-- better origin, or a newer edit. It names the channels of claims that nobody made before.
-- A claim that is known was judged: said again, it changes nothing. LIMIT 1 of a unique key keeps
-- every plan at one look into the index for each.
WITH other AS (
  SELECT DISTINCT ON (i.channel_id, i.ts, i.origin, i.raw)
         i.channel_id, i.ts, i.raw, i.origin, i.status,
         i.origin = 0 AND i.raw <> r.raw OR i.origin < r.origin AND NOT EXISTS (
           SELECT FROM claim AS c
           WHERE c.channel_id = i.channel_id AND c.ts = i.ts
             AND c.origin = i.origin AND c.raw = i.raw) AS better
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
  WHERE NOT better
  ORDER BY channel_id, ts, origin, raw
  ON CONFLICT DO NOTHING
  RETURNING channel_id
)
SELECT count(*), count(*) FILTER (WHERE better),
       coalesce((SELECT array_agg(DISTINCT channel_id) FROM kept), '{}')
FROM other
