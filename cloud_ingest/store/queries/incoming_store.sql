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
  INSERT INTO dirty (channel_id, day)
  SELECT DISTINCT channel_id,
         ((ts - INTERVAL '1 microsecond') AT TIME ZONE (SELECT zone FROM store))::date
  FROM added
)
SELECT count(*) FROM added
