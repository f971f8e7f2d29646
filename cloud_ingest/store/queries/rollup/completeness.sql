-- SPDX-License-Identifier: MIT
-- How many intervals of each day a society's channels should have, and how many are there.
-- Each channel looks up its own days: whatever the statistics say, no stretch is joined with another.
WITH days AS MATERIALIZED (
  SELECT day, extract(epoch FROM starts_at)::bigint AS starts_s,
         extract(epoch FROM ends_at)::bigint AS ends_s
  FROM unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS d (day, starts_at, ends_at)
), own AS (
  SELECT a.tower, a.subject_type, a.subject, a.service, a.source, m.manufacturer, m.serial,
         a.valid_from, a.valid_to, c.channel_id, c.obis, c.period_s,
         ceil(extract(epoch FROM a.valid_from))::bigint AS from_s,
         floor(extract(epoch FROM least(a.valid_to, %(until)s::timestamptz)))::bigint AS until_s
  FROM assignment AS a
  JOIN meter AS m USING (meter_id)
  JOIN channel AS c USING (meter_id)
  WHERE a.society_id = %(society_id)s AND c.obis = ANY(%(codes)s::text[]) AND c.period_s > 0
    AND a.valid_from < %(end)s AND (a.valid_to IS NULL OR a.valid_to > %(start)s)
    AND (%(subject_type)s::text IS NULL OR a.subject_type = %(subject_type)s)
    AND (%(subject)s::text IS NULL OR a.subject = %(subject)s)
)
SELECT tower, subject_type, subject, service, source, manufacturer, serial, valid_from, valid_to,
       channel_id, obis, period_s,
       expected, present, lacking_days, lacking_expected, lacking_present
FROM own
CROSS JOIN LATERAL (
  SELECT sum(expected)::bigint AS expected, sum(present)::bigint AS present,
         array_agg(day) FILTER (WHERE present < expected) AS lacking_days,
         array_agg(expected) FILTER (WHERE present < expected) AS lacking_expected,
         array_agg(present) FILTER (WHERE present < expected) AS lacking_present
  FROM (
    SELECT day, expected, least(coalesce(count, 0), expected) AS present
    FROM (
      SELECT day, (least(ends_s, until_s) - greatest(starts_s, from_s)) / period_s AS expected
      FROM days
    ) AS due
    LEFT JOIN (
      SELECT day, count FROM days_between(%(first)s, %(last)s) AS found
      WHERE found.channel_id = own.channel_id
    ) AS found USING (day)
    WHERE expected > 0
  ) AS held
) AS summed
WHERE expected > 0
