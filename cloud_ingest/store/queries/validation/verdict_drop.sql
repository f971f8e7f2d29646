-- SPDX-License-Identifier: MIT
-- Forget verdicts on channels in a stretch of time, but for claims that are still unsound.
DELETE FROM verdict
WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(start)s AND ts <= %(end)s
  AND (channel_id, ts, origin, raw) NOT IN (
    SELECT channel_id, to_timestamp(ts), origin, raw
    FROM unnest(%(own)s::int[], %(ts)s::bigint[], %(origins)s::smallint[], %(raws)s::bigint[])
      AS unsound (channel_id, ts, origin, raw))
