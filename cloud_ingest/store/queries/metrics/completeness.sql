-- SPDX-License-Identifier: MIT
-- How many intervals of one day each society's channels should have, and how many are there: of meters that
-- served somebody all of that day. Each channel looks up its own day, however long the history is.
SELECT society.name AS society,
       sum(due)::bigint AS expected, sum(least(coalesce(count, 0), due))::bigint AS present
FROM assignment AS a
JOIN society USING (society_id)
JOIN channel AS c USING (meter_id)
CROSS JOIN LATERAL (
  SELECT extract(epoch FROM %(end)s::timestamptz - %(start)s::timestamptz)::bigint / c.period_s AS due
) AS own
LEFT JOIN LATERAL (
  SELECT count FROM days_between(%(day)s, %(day)s) AS own WHERE own.channel_id = c.channel_id
) AS found ON true
WHERE NOT a.legacy AND a.valid_from <= %(start)s AND (a.valid_to IS NULL OR a.valid_to >= %(end)s)
  AND c.obis = ANY(%(codes)s::text[]) AND c.period_s > 0
GROUP BY society.society_id
