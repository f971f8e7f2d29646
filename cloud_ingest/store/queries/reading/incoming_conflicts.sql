-- SPDX-License-Identifier: MIT
-- Keep the claims that are not what is stored; count them, those that may be elected (of a better
-- origin, or a newer edit), and the known ones that come with more bits of a status. It names the
-- channels of claims that nobody made before.
-- A claim that is known was judged: said again, it changes nothing but its status, whose bits add
-- up, so that the order does not matter. LIMIT 1 of a unique key keeps every plan at one look into
-- the index for each.
WITH seen AS (
  SELECT i.channel_id, i.ts, i.raw, i.origin, bit_or(i.status) AS status,
         r.raw AS own_raw, r.origin AS own_origin, r.status AS own_status
  FROM incoming AS i
  CROSS JOIN LATERAL (
    SELECT raw, origin, status FROM reading
    WHERE channel_id = i.channel_id AND ts = i.ts
      AND ts BETWEEN to_timestamp(%(first)s) AND to_timestamp(%(last)s) LIMIT 1
  ) AS r
  GROUP BY i.channel_id, i.ts, i.raw, i.origin, r.raw, r.origin, r.status
), other AS (
  SELECT channel_id, ts, raw, origin, status,
         origin = 0 AND raw <> own_raw OR origin < own_origin AND NOT EXISTS (
           SELECT FROM claim AS c
           WHERE c.channel_id = seen.channel_id AND c.ts = seen.ts
             AND c.origin = seen.origin AND c.raw = seen.raw) AS better
  FROM seen
  WHERE raw <> own_raw OR origin <> own_origin
), kept AS (
  INSERT INTO claim (channel_id, ts, raw, status, origin, received_at, source)
  SELECT channel_id, ts, raw, status, origin, %(at)s, %(source)s
  FROM other
  WHERE NOT better
  ORDER BY channel_id, ts, origin, raw
  ON CONFLICT (channel_id, ts, origin, raw) DO UPDATE
  SET status = coalesce(claim.status, 0) | excluded.status
  WHERE excluded.status & ~coalesce(claim.status, 0) <> 0
  RETURNING channel_id
)
SELECT count(*), count(*) FILTER (WHERE better),
       coalesce((SELECT array_agg(DISTINCT channel_id) FROM kept), '{}'),
       (SELECT count(*) FROM seen WHERE raw = own_raw AND origin = own_origin
          AND status & ~coalesce(own_status, 0) <> 0)
FROM other
