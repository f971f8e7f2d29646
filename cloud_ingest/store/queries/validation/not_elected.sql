-- SPDX-License-Identifier: MIT
-- The claims in windows that are not elected, the rule that forbids each, and whether a person set
-- it aside.
SELECT c.channel_id, c.ts, c.raw, c.origin, v.rule, coalesce(said.kind = 'set_aside', false)
FROM unnest(%(channels)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
  AS w (channel_id, starts_at, ends_at)
JOIN claim AS c ON c.channel_id = w.channel_id AND c.ts >= w.starts_at AND c.ts <= w.ends_at
LEFT JOIN verdict AS v
  ON v.channel_id = c.channel_id AND v.ts = c.ts AND v.origin = c.origin AND v.raw = c.raw
LEFT JOIN LATERAL (
  SELECT kind FROM ruling AS r
  WHERE r.channel_id = c.channel_id AND r.ts = c.ts AND r.origin = c.origin AND r.raw = c.raw
  ORDER BY ruling_id DESC LIMIT 1
) AS said ON true
