-- SPDX-License-Identifier: MIT
-- The readings next to a time, of whichever of some channels: at or before it, and after it.
(SELECT found.*
 FROM unnest(%(channels)s::int[]) AS own (channel_id)
 CROSS JOIN LATERAL (SELECT channel_id, ts, raw, origin FROM reading
                     WHERE reading.channel_id = own.channel_id AND ts <= %(at)s
                     ORDER BY ts DESC LIMIT 1) AS found
 ORDER BY ts DESC, channel_id DESC LIMIT 1)
UNION ALL
(SELECT found.*
 FROM unnest(%(channels)s::int[]) AS own (channel_id)
 CROSS JOIN LATERAL (SELECT channel_id, ts, raw, origin FROM reading
                     WHERE reading.channel_id = own.channel_id AND ts > %(at)s
                     ORDER BY ts LIMIT 1) AS found
 ORDER BY ts, channel_id DESC LIMIT 1)
