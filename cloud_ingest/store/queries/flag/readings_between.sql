-- SPDX-License-Identifier: MIT
-- What the elected readings of some registers say, each of a stretch of its own. A resident's
-- reading of a dial is not among them.
SELECT wanted.channel_id, extract(epoch FROM r.ts)::bigint AS ts, r.raw
FROM unnest(%(channels)s::int[], %(after)s::timestamptz[], %(until)s::timestamptz[])
  AS wanted (channel_id, after, until)
CROSS JOIN LATERAL (
  SELECT ts, raw FROM reading
  WHERE channel_id = wanted.channel_id AND ts > wanted.after AND ts <= wanted.until
    AND ts > %(first)s AND ts <= %(last)s AND origin < 2
  ORDER BY ts
) AS r
