-- SPDX-License-Identifier: MIT
-- Stretches of billed registers that do not plainly rise: validation/suspects looks closely at these.
-- A stretch rises plainly within itself if the commit said so and nobody stored a reading between;
-- and with the readings next to it. A register of several channels, or with an epoch, is among them,
-- and one of which something was said beside what is elected, or whose meter doubts a reading of it
-- within a day.
WITH served AS (
  SELECT meter_id, bool_and(subject_type = 'unit') AS only_units FROM assignment GROUP BY meter_id
), stretch AS (
  SELECT channel_id, to_timestamp(first) AS first, to_timestamp(last) AS last, count, fastest
  FROM unnest(%(channels)s::int[], %(firsts)s::bigint[], %(lasts)s::bigint[], %(counts)s::int[],
              %(fastest)s::float8[]) AS stretch (channel_id, first, last, count, fastest)
), billed AS (
  SELECT channel_id, meter_id, first, last, count, fastest,
         10::float8 ^ -(exponent + scaler) * coalesce(
           CASE obis
             WHEN %(electricity)s THEN max_current_a * coalesce(phases, 3) * %(w_per_a)s / 3.6e6
             ELSE q4_m3_h / 3600 END::float8,
           most_per_s * CASE
             WHEN NOT coalesce(only_units, false) THEN %(units_of_a_tower)s ELSE 1 END
             * CASE obis WHEN %(electricity)s THEN coalesce(phases, 3) / 3.0 ELSE 1 END) AS ceiling,
         channel_id IN (SELECT channel_id FROM epoch) OR EXISTS (
           SELECT FROM channel AS other
           WHERE other.meter_id = channel.meter_id AND other.obis = channel.obis
             AND other.channel_id <> channel.channel_id) AS is_composed
  FROM stretch
  JOIN channel USING (channel_id)
  JOIN meter USING (meter_id)
  JOIN unnest(%(codes)s::text[], %(units)s::int[], %(exponents)s::int[], %(most_per_s)s::float8[])
    AS counts (obis, unit, exponent, most_per_s) USING (obis, unit)
  LEFT JOIN served USING (meter_id)
  WHERE abs(scaler) <= %(max_scaler)s
), plain AS (
  SELECT * FROM billed WHERE NOT is_composed AND count > 0 AND fastest <= ceiling
)
SELECT meter_id, first, last FROM billed WHERE is_composed OR count = 0 OR fastest > ceiling
UNION
SELECT meter_id, first, last
FROM plain
CROSS JOIN LATERAL (
  SELECT count(*) AS count, min(raw) AS least, max(raw) AS most FROM reading
  WHERE reading.channel_id = plain.channel_id AND ts >= plain.first AND ts <= plain.last
    AND ts > %(start)s AND ts <= %(end)s
) AS own
LEFT JOIN LATERAL (
  SELECT ts, raw FROM reading
  WHERE reading.channel_id = plain.channel_id AND ts < plain.first
    AND ts > plain.first - %(beside)s::interval AND ts > %(start)s AND ts <= %(end)s
  ORDER BY ts DESC LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
  SELECT ts, raw FROM reading
  WHERE reading.channel_id = plain.channel_id AND ts > plain.last
    AND ts <= plain.last + %(beside)s::interval AND ts > %(start)s AND ts <= %(end)s
  ORDER BY ts LIMIT 1
) AS after ON true
WHERE own.count <> plain.count OR least < 0 OR least < before.raw OR most > after.raw
   OR least - before.raw > ceiling * date_part('epoch', plain.first - before.ts)
   OR after.raw - most > ceiling * date_part('epoch', after.ts - plain.last)
UNION
SELECT meter_id, first, last
FROM plain
JOIN claim USING (channel_id)
WHERE claim.ts > first - %(beside)s::interval AND claim.ts <= last + %(beside)s::interval
  AND claim.ts > %(start)s AND claim.ts <= %(end)s
UNION
SELECT meter_id, first, last
FROM plain
JOIN ruling USING (channel_id)
WHERE ruling.ts >= first AND ruling.ts <= last
UNION
SELECT meter_id, first, last
FROM plain
JOIN register_break USING (meter_id)
WHERE register_break.ts >= first AND register_break.ts <= last
UNION
SELECT meter_id, first, last
FROM plain
JOIN meter USING (meter_id)
WHERE coalesce(invalid_bits, 0) | coalesce(clock_bits, 0) <> 0 AND EXISTS (
  SELECT FROM reading
  WHERE reading.channel_id = plain.channel_id
    AND ts >= first - INTERVAL '1 day' AND ts <= last + INTERVAL '1 day'
    AND ts > %(start)s AND ts <= %(end)s
    AND status & (coalesce(invalid_bits, 0) | coalesce(clock_bits, 0)) <> 0)
UNION
SELECT meter_id, first, last
FROM plain
JOIN verdict USING (channel_id)
WHERE rule IN ('status', 'clock')
  AND verdict.ts >= first - INTERVAL '1 day' AND verdict.ts <= last + INTERVAL '1 day'
