-- SPDX-License-Identifier: MIT
-- Remember the shortest capture period that a channel was seen with.
UPDATE channel SET period_s = shorter.period_s
FROM (VALUES (%s::int, %s::int)) AS shorter (channel_id, period_s)
WHERE channel.channel_id = shorter.channel_id
