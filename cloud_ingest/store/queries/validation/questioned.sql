-- SPDX-License-Identifier: MIT
-- What meters said in windows and called not valid themselves, and what counts there because a
-- person restored it against a rule.
SELECT DISTINCT v.channel_id, v.ts, v.raw, v.origin, said.kind IS NOT DISTINCT FROM 'restore'
FROM unnest(%(channels)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
  AS w (channel_id, starts_at, ends_at)
JOIN verdict AS v ON v.channel_id = w.channel_id AND v.ts >= w.starts_at AND v.ts <= w.ends_at
LEFT JOIN LATERAL (
  SELECT kind FROM ruling AS r
  WHERE r.channel_id = v.channel_id AND r.ts = v.ts AND r.origin = v.origin AND r.raw = v.raw
  ORDER BY ruling_id DESC LIMIT 1
) AS said ON true
WHERE v.rule = ANY(%(rules)s) OR said.kind = 'restore'
