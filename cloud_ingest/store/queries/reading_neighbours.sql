-- SPDX-License-Identifier: MIT
-- The readings of channels next to a time, at or before it and after it.
(SELECT channel_id, ts, raw, origin FROM reading
 WHERE channel_id = ANY(%(channels)s::int[]) AND ts <= %(at)s ORDER BY ts DESC LIMIT 1)
UNION ALL
(SELECT channel_id, ts, raw, origin FROM reading
 WHERE channel_id = ANY(%(channels)s::int[]) AND ts > %(at)s ORDER BY ts LIMIT 1)
