-- SPDX-License-Identifier: MIT
-- The meters of which a rule set claims aside in a stretch of time.
SELECT DISTINCT meter_id
FROM channel
JOIN verdict USING (channel_id)
WHERE meter_id = ANY(%(meters)s::int[])
  AND ts >= %(start)s AND ts <= %(end)s AND rule = %(rule)s
