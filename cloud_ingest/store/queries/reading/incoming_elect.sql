-- SPDX-License-Identifier: MIT
-- Put a claim of better origin, or a newer edit, in the place of the elected one, which is kept
-- beside it. It returns what has to be written into the reading. Elections wait for one another
-- (`store.readings_write`): TimescaleDB locks no row of a compressed chunk.
-- A claim that is known was judged: said again, it is elected only if a person says it.
WITH better AS (
  SELECT i.channel_id, i.ts, r.raw, r.status, r.origin,
         i.raw AS new_raw, i.origin AS new_origin, i.status AS new_status
  FROM incoming AS i
  CROSS JOIN LATERAL (
    SELECT raw, status, origin FROM reading
    WHERE channel_id = i.channel_id AND ts = i.ts
      AND ts BETWEEN to_timestamp(%(first)s) AND to_timestamp(%(last)s) LIMIT 1
  ) AS r
  WHERE i.origin = 0 AND i.raw <> r.raw OR i.origin < r.origin AND NOT EXISTS (
    SELECT FROM claim AS c
    WHERE c.channel_id = i.channel_id AND c.ts = i.ts AND c.origin = i.origin AND c.raw = i.raw)
), former AS (
  SELECT DISTINCT ON (channel_id, ts) * FROM better
  ORDER BY channel_id, ts, new_origin, new_raw
), demoted AS (
  INSERT INTO claim (channel_id, ts, raw, status, origin, received_at, source)
  SELECT channel_id, ts, raw, status, origin, %(at)s, 'was elected until then' FROM former
  UNION ALL
  SELECT channel_id, ts, better.new_raw, better.new_status, better.new_origin, %(at)s, %(source)s
  FROM better JOIN former USING (channel_id, ts)
  WHERE (better.new_origin, better.new_raw) <> (former.new_origin, former.new_raw)
  ON CONFLICT DO NOTHING
), audited AS (
  INSERT INTO election (channel_id, ts, old_raw, old_origin, new_raw, new_origin, at)
  SELECT channel_id, ts, raw, origin, new_raw, new_origin, %(at)s FROM former
), marked AS (
  INSERT INTO dirty (day, channels)
  SELECT day, array_agg(DISTINCT channel_id)
  FROM (SELECT channel_id,
               ((ts - INTERVAL '1 microsecond') AT TIME ZONE (SELECT zone FROM store))::date AS day
        FROM former) AS changed
  GROUP BY day
), promoted AS (
  DELETE FROM claim USING former
  WHERE claim.channel_id = former.channel_id AND claim.ts = former.ts
    AND claim.origin = former.new_origin AND claim.raw = former.new_raw
)
SELECT new_raw, new_origin, new_status, channel_id, ts FROM former ORDER BY channel_id, ts
