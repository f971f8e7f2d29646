-- SPDX-License-Identifier: MIT
-- How many intervals of each day the meters behind gateways should have, and how many are there: a row for each
-- gateway, or for each of its meters, with its days as arrays. A null stands for any. A meter is behind the gateway
-- that read it last.
WITH days AS MATERIALIZED (
  SELECT day, extract(epoch FROM starts_at)::bigint AS starts_s,
         extract(epoch FROM ends_at)::bigint AS ends_s
  FROM unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS d (day, starts_at, ends_at)
), own AS (
  SELECT m.gateway_id, m.meter_id, c.channel_id, c.period_s,
         ceil(extract(epoch FROM a.valid_from))::bigint AS from_s,
         floor(extract(epoch FROM a.valid_to))::bigint AS until_s
  FROM assignment AS a
  JOIN meter AS m USING (meter_id)
  JOIN channel AS c USING (meter_id)
  WHERE a.society_id = %(society_id)s AND c.obis = ANY(%(codes)s::text[]) AND c.period_s > 0
    AND a.valid_from < %(end)s AND (a.valid_to IS NULL OR a.valid_to > %(start)s)
    AND m.gateway_id IS NOT NULL
    AND (%(gateway_id)s::int IS NULL OR m.gateway_id = %(gateway_id)s)
    AND (%(meter_id)s::int IS NULL OR m.meter_id = %(meter_id)s)
)
SELECT gateway_id, meter_id, array_agg(day ORDER BY day) AS days, array_agg(expected ORDER BY day) AS expected,
       array_agg(present ORDER BY day) AS present
FROM (
  SELECT gateway_id, CASE WHEN %(each_meter)s THEN meter_id END AS meter_id, day,
         sum(expected)::bigint AS expected, sum(least(coalesce(count, 0), expected))::bigint AS present
  FROM own
  CROSS JOIN LATERAL (
    SELECT day, expected, count
    FROM (
      SELECT day, (least(ends_s, until_s) - greatest(starts_s, from_s)) / period_s AS expected FROM days
    ) AS due
    LEFT JOIN (
      SELECT day, count FROM days_between(%(first)s, %(last)s) AS found
      WHERE found.channel_id = own.channel_id
    ) AS found USING (day)
    WHERE expected > 0
  ) AS held
  GROUP BY 1, 2, 3
) AS of_days
GROUP BY 1, 2
ORDER BY 1, 2
