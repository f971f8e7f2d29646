-- SPDX-License-Identifier: MIT
-- How many intervals of each day a society's channels should have, and how many are there.
WITH own AS (
  SELECT a.assignment_id, a.valid_from, a.valid_to, c.channel_id, c.obis, c.period_s
  FROM assignment AS a
  JOIN channel AS c USING (meter_id)
  WHERE a.society_id = %(society_id)s AND c.obis = ANY(%(codes)s::text[]) AND c.period_s > 0
    AND a.valid_from < %(end)s AND (a.valid_to IS NULL OR a.valid_to > %(start)s)
    AND (%(subject_type)s::text IS NULL OR a.subject_type = %(subject_type)s)
    AND (%(subject)s::text IS NULL OR a.subject = %(subject)s)
), due AS (
  SELECT assignment_id, channel_id, day,
         floor(extract(epoch FROM least(ends_at, valid_to, %(until)s::timestamptz)
                                  - greatest(starts_at, valid_from)) / period_s)::int AS expected
  FROM own
  CROSS JOIN unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS d (day, starts_at, ends_at)
), held AS (
  SELECT assignment_id, channel_id, day, expected,
         least(coalesce(found.count, 0), expected)::int AS present
  FROM due
  LEFT JOIN days_between(%(first)s, %(last)s) AS found USING (channel_id, day)
  WHERE expected > 0
), summed AS (
  SELECT assignment_id, channel_id, sum(expected)::bigint AS expected,
         sum(present)::bigint AS present,
         array_agg(day) FILTER (WHERE present < expected) AS lacking_days,
         array_agg(expected) FILTER (WHERE present < expected) AS lacking_expected,
         array_agg(present) FILTER (WHERE present < expected) AS lacking_present
  FROM held
  GROUP BY assignment_id, channel_id
)
SELECT a.tower, a.subject_type, a.subject, a.service, a.source, m.manufacturer, m.serial,
       a.valid_from, a.valid_to, channel_id, own.obis, own.period_s,
       summed.expected, summed.present, lacking_days, lacking_expected, lacking_present
FROM summed
JOIN own USING (assignment_id, channel_id)
JOIN assignment AS a USING (assignment_id)
JOIN meter AS m USING (meter_id)
