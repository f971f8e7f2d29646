-- SPDX-License-Identifier: MIT
-- Meters and local months in which a billed register falls, rises too fast, has other claims, or
-- readings that its meter doubts.
-- Each window of a register is looked at with the readings next to it. The comparison is in double
-- precision: exact up to 2^53 steps, which no dial shows. What is found is judged exactly.
WITH asked AS (
  SELECT *
  FROM unnest(%(meters)s::int[], %(obis)s::text[], %(ceilings)s::float8[],
              %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS asked (meter_id, obis, ceiling, starts_at, ends_at)
), register AS (
  SELECT meter_id, obis,
         array_agg(channel_id) AS channels,
         array_agg(10::float8 ^ (scaler - finest)) AS factors,
         array_agg(weight) AS weights,
         array_agg(has_epoch) AS have_epochs
  FROM (
    SELECT channel_id, meter_id, obis, weight, exponent + scaler AS scaler,
           min(exponent + scaler) OVER (PARTITION BY meter_id, obis) AS finest,
           channel_id IN (SELECT channel_id FROM epoch) AS has_epoch
    FROM channel
    JOIN unnest(%(codes)s::text[], %(units)s::int[], %(exponents)s::int[])
      AS counts (obis, unit, exponent) USING (obis, unit)
    WHERE abs(scaler) <= %(max_scaler)s AND meter_id IN (SELECT meter_id FROM asked)
  ) AS billed
  GROUP BY meter_id, obis
), suspect AS (
  SELECT asked.meter_id, asked.obis, step.moment
  FROM asked
  JOIN register USING (meter_id, obis)
  CROSS JOIN LATERAL (
    SELECT unnest(ARRAY[before_ts, ts]) AS moment
    FROM (
      SELECT ts, lag(ts) OVER own AS before_ts, value, value - lag(value) OVER own AS rise, step,
             lag(step) OVER own AS before_step
      FROM (
        SELECT r.ts, c.channel_id,
               CASE WHEN r.origin = %(meter)s THEN factor * weight ELSE factor END AS step,
               factor * (r.raw + CASE WHEN has_epoch THEN coalesce((
                 SELECT offset_raw FROM epoch
                 WHERE epoch.channel_id = c.channel_id AND epoch.starts_at <= r.ts
                 ORDER BY epoch.starts_at DESC, entry_order DESC LIMIT 1), 0)::float8
                 ELSE 0 END) AS value
        FROM unnest(channels, factors, weights, have_epochs)
          AS c (channel_id, factor, weight, has_epoch)
        CROSS JOIN LATERAL (
          (SELECT ts, raw, origin FROM reading
           WHERE reading.channel_id = c.channel_id AND ts <= asked.starts_at
             AND ts > asked.starts_at - %(beside)s::interval AND ts > %(start)s
           ORDER BY ts DESC LIMIT 1)
          UNION ALL
          SELECT ts, raw, origin FROM reading
          WHERE reading.channel_id = c.channel_id AND ts > asked.starts_at AND ts <= asked.ends_at
            AND ts > %(start)s AND ts <= %(end)s
          UNION ALL
          (SELECT ts, raw, origin FROM reading
           WHERE reading.channel_id = c.channel_id AND ts > asked.ends_at
             AND ts <= asked.ends_at + %(beside)s::interval AND ts <= %(end)s
           ORDER BY ts LIMIT 1)
        ) AS r
      ) AS readings
      WINDOW own AS (ORDER BY ts, channel_id)
    ) AS pairs
    WHERE value < 0 OR rise < -step
       OR rise - before_step > 0.999 * ceiling * date_part('epoch', ts - before_ts)
  ) AS step
  UNION
  SELECT asked.meter_id, asked.obis, claim.ts
  FROM asked
  JOIN register USING (meter_id, obis)
  CROSS JOIN LATERAL unnest(channels) AS own (channel_id)
  JOIN claim ON claim.channel_id = own.channel_id
   AND claim.ts > asked.starts_at - %(beside)s::interval
   AND claim.ts <= asked.ends_at + %(beside)s::interval
  WHERE NOT EXISTS (
    SELECT FROM reading
    WHERE reading.channel_id = own.channel_id AND reading.ts > %(start)s AND reading.ts <= %(end)s
      AND (claim.ts < asked.starts_at AND reading.ts > claim.ts AND reading.ts <= asked.starts_at
        OR claim.ts > asked.ends_at AND reading.ts < claim.ts AND reading.ts > asked.ends_at))
  UNION
  SELECT asked.meter_id, asked.obis, ruling.ts
  FROM asked
  JOIN register USING (meter_id, obis)
  CROSS JOIN LATERAL unnest(channels) AS own (channel_id)
  JOIN ruling ON ruling.channel_id = own.channel_id
   AND ruling.ts > asked.starts_at AND ruling.ts <= asked.ends_at
  UNION
  SELECT asked.meter_id, asked.obis, register_break.ts
  FROM asked
  JOIN register_break ON register_break.meter_id = asked.meter_id
   AND register_break.obis = asked.obis
   AND register_break.ts > asked.starts_at AND register_break.ts <= asked.ends_at
  UNION
  SELECT asked.meter_id, asked.obis, doubted.ts
  FROM asked
  JOIN register USING (meter_id, obis)
  JOIN meter USING (meter_id)
  CROSS JOIN LATERAL unnest(channels) AS own (channel_id)
  CROSS JOIN LATERAL (
    SELECT ts FROM reading
    WHERE reading.channel_id = own.channel_id
      AND ts > asked.starts_at - INTERVAL '1 day' AND ts <= asked.ends_at + INTERVAL '1 day'
      AND ts > %(start)s AND ts <= %(end)s
      AND status & (coalesce(invalid_bits, 0) | coalesce(clock_bits, 0)) <> 0
  ) AS doubted
  WHERE coalesce(invalid_bits, 0) | coalesce(clock_bits, 0) <> 0
  UNION
  SELECT asked.meter_id, asked.obis, verdict.ts
  FROM asked
  JOIN register USING (meter_id, obis)
  CROSS JOIN LATERAL unnest(channels) AS own (channel_id)
  JOIN verdict ON verdict.channel_id = own.channel_id AND verdict.rule IN ('status', 'clock')
   AND verdict.ts > asked.starts_at - INTERVAL '1 day'
   AND verdict.ts <= asked.ends_at + INTERVAL '1 day'
)
SELECT DISTINCT meter_id, obis,
       date_trunc('month', (moment - INTERVAL '1 microsecond') AT TIME ZONE %(zone)s)::date AS month
FROM suspect
WHERE moment IS NOT NULL
ORDER BY meter_id, obis, month
