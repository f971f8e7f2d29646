-- SPDX-License-Identifier: MIT
-- Keep the claims that are not what is stored, and count them.
WITH other AS (
  SELECT DISTINCT ON (i.channel_id, i.ts, i.origin, i.raw)
         i.channel_id, i.ts, i.raw, i.origin, i.status
  FROM incoming AS i
  JOIN reading AS r ON r.channel_id = i.channel_id AND r.ts = i.ts
  WHERE (i.raw <> r.raw OR i.origin <> r.origin)
    AND r.ts BETWEEN to_timestamp(%(first)s) AND to_timestamp(%(last)s)
  ORDER BY i.channel_id, i.ts, i.origin, i.raw
), kept AS (
  INSERT INTO claim (channel_id, ts, raw, status, origin, received_at, source)
  SELECT channel_id, ts, raw, status, origin, %(at)s, %(source)s
  FROM other
  ORDER BY channel_id, ts, origin, raw
  ON CONFLICT DO NOTHING
)
SELECT count(*) FROM other
