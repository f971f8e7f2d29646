-- SPDX-License-Identifier: MIT
-- The readings of channels that a person made, in a window.
SELECT channel_id, ts, raw, origin
FROM reading
WHERE channel_id = ANY(%(channels)s::int[]) AND origin IN (0, 2)
  AND ts >= %(start)s AND ts <= %(end)s
