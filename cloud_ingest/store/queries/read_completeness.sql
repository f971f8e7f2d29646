-- SPDX-License-Identifier: MIT
-- How many intervals of each day a society's channels should have, and how many are there.
WITH own AS (
  SELECT a.tower, a.subject_type, a.subject, a.service, a.source, m.manufacturer, m.serial,
         a.valid_from, a.valid_to, c.channel_id, c.obis, c.period_s, day,
         floor(extract(epoch FROM
           least(starts_at + make_interval(secs => length_s), a.valid_to, %(until)s::timestamptz)
           - greatest(starts_at, a.valid_from)) / c.period_s)::int AS expected
  FROM assignment AS a
  JOIN meter AS m USING (meter_id)
  JOIN channel AS c USING (meter_id)
  CROSS JOIN unnest(%(days)s::date[], %(starts)s::timestamptz[], %(lengths_s)s::int[])
    AS d (day, starts_at, length_s)
  WHERE a.society_id = %(society_id)s AND c.obis = ANY(%(codes)s::text[]) AND c.period_s > 0
    AND a.valid_from < %(end)s AND (a.valid_to IS NULL OR a.valid_to > %(start)s)
    AND (%(subject_type)s::text IS NULL OR a.subject_type = %(subject_type)s)
    AND (%(subject)s::text IS NULL OR a.subject = %(subject)s)
), held AS (
  SELECT own.*, least(coalesce(found.count, 0), expected)::int AS present
  FROM own
  LEFT JOIN days_between(%(first)s, %(last)s) AS found USING (channel_id, day)
  WHERE expected > 0
)
SELECT tower, subject_type, subject, service, source, manufacturer, serial, valid_from,
       valid_to, channel_id, obis, period_s, sum(expected)::bigint, sum(present)::bigint,
       array_agg(day ORDER BY day) FILTER (WHERE present < expected),
       array_agg(expected ORDER BY day) FILTER (WHERE present < expected),
       array_agg(present ORDER BY day) FILTER (WHERE present < expected)
FROM held
GROUP BY tower, subject_type, subject, service, source, manufacturer, serial, valid_from,
         valid_to, channel_id, obis, period_s
