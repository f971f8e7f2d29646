-- SPDX-License-Identifier: MIT
-- What the billed register of each meter said around a silence, and its longest time without a word.
SELECT DISTINCT ON (wanted.failure_id) wanted.failure_id, c.unit, c.scaler,
       said.raws[1] AS first_raw, said.raws[cardinality(said.raws)] AS last_raw, said.longest_hole
FROM unnest(%(failures)s::bigint[], %(meters)s::int[], %(since)s::timestamptz[],
            %(until)s::timestamptz[]) AS wanted (failure_id, meter_id, since, until)
JOIN channel AS c ON c.meter_id = wanted.meter_id AND c.obis = ANY(%(registers)s)
CROSS JOIN LATERAL (
  SELECT array_agg(raw ORDER BY ts) AS raws, max(ts - before) AS longest_hole,
         min(ts) AS first_at, max(ts) AS last_at
  FROM (SELECT ts, raw, lag(ts) OVER (ORDER BY ts) AS before FROM reading
        WHERE channel_id = c.channel_id AND origin = 1
          AND ts BETWEEN %(first)s AND %(last)s AND ts <= wanted.until
          AND ts >= coalesce((
            SELECT max(ts) FROM reading
            WHERE channel_id = c.channel_id AND origin = 1
              AND ts BETWEEN %(first)s AND %(last)s
              AND ts BETWEEN wanted.since - interval '2 days' AND wanted.since), wanted.since)
       ) AS own
) AS said
WHERE said.first_at <= wanted.since AND said.last_at > wanted.since
ORDER BY wanted.failure_id, said.last_at DESC, c.channel_id DESC
