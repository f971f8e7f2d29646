-- SPDX-License-Identifier: MIT
-- Meters whose billed registers do not plainly rise in a window: validation/suspects looks closely.
-- A register of several channels, or with an epoch, or without a reading close to the window's
-- ends is among them, and one of which something was said beside what is elected.
WITH served AS (
  SELECT meter_id, bool_and(subject_type = 'unit') AS only_units FROM assignment GROUP BY meter_id
), billed AS (
  SELECT channel_id, meter_id,
         most_per_s * 10::float8 ^ -(exponent + scaler) * CASE
           WHEN coalesce(only_units, false) THEN 1 ELSE %(units_of_a_tower)s END AS ceiling,
         count(*) OVER (PARTITION BY meter_id, obis) > 1
           OR channel_id IN (SELECT channel_id FROM epoch) AS is_composed
  FROM channel
  JOIN unnest(%(codes)s::text[], %(units)s::int[], %(exponents)s::int[], %(most_per_s)s::float8[])
    AS counts (obis, unit, exponent, most_per_s) USING (obis, unit)
  LEFT JOIN served USING (meter_id)
  WHERE abs(scaler) <= %(max_scaler)s
), pair AS (
  SELECT channel_id, ts, raw::float8 AS value, raw::float8 - lag(raw::float8) OVER own AS rise,
         lag(ts) OVER own AS before_ts
  FROM reading
  WHERE ts > %(start)s AND ts <= %(end)s
    AND channel_id IN (SELECT channel_id FROM billed)
    AND (%(channels)s::int[] IS NULL OR channel_id = ANY(%(channels)s::int[]))
  WINDOW own AS (PARTITION BY channel_id ORDER BY ts)
), course AS (
  SELECT channel_id, min(value) AS least, min(rise) AS deepest,
         max(rise / (date_part('epoch', ts - before_ts) + %(jitter_s)s)) AS fastest,
         min(ts) AS first, max(ts) AS last
  FROM pair
  GROUP BY channel_id
  HAVING bool_or(ts > %(starts_at)s AND ts <= %(ends_at)s)
)
SELECT meter_id
FROM billed JOIN course USING (channel_id)
WHERE is_composed OR least < 0 OR deepest < 0 OR fastest > ceiling
   OR first > %(starts_at)s OR last <= %(ends_at)s AND %(ends_at)s < %(now)s
UNION
SELECT meter_id
FROM billed
JOIN claim USING (channel_id)
WHERE ts > %(starts_at)s - %(beside)s::interval AND ts <= %(ends_at)s + %(beside)s::interval
  AND (%(channels)s::int[] IS NULL OR channel_id = ANY(%(channels)s::int[]))
UNION
SELECT meter_id
FROM billed
JOIN ruling USING (channel_id)
WHERE ts > %(starts_at)s AND ts <= %(ends_at)s
  AND (%(channels)s::int[] IS NULL OR channel_id = ANY(%(channels)s::int[]))
UNION
SELECT meter_id FROM register_break WHERE ts > %(starts_at)s AND ts <= %(ends_at)s
