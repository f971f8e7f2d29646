-- SPDX-License-Identifier: MIT
-- The readings of channels that no person made, the last within a reach before a moment and the first
-- behind it.
SELECT asked.at, asked.channel_id, found.ts, found.raw
FROM unnest(%(channels)s::int[], %(moments)s::timestamptz[]) AS asked (channel_id, at)
CROSS JOIN LATERAL (
  (SELECT ts, raw FROM reading
   WHERE channel_id = asked.channel_id AND origin IN (1, 3)
     AND ts <= asked.at AND ts >= asked.at - %(reach)s
     AND ts >= %(start)s AND ts <= %(end)s
   ORDER BY ts DESC LIMIT 1)
  UNION ALL
  (SELECT ts, raw FROM reading
   WHERE channel_id = asked.channel_id AND origin IN (1, 3)
     AND ts > asked.at AND ts <= asked.at + %(reach)s
     AND ts >= %(start)s AND ts <= %(end)s
   ORDER BY ts LIMIT 1)
) AS found
