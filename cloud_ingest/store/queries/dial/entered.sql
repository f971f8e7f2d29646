-- SPDX-License-Identifier: MIT
-- The registers of meters that persons entered, and did not set aside: of each moment the last one.
SELECT DISTINCT ON (said.channel_id, said.ts) channel.meter_id, channel.obis, said.channel_id,
       said.ts, said.raw
FROM (
  SELECT channel_id, read_at AS ts, raw, 2 AS origin, entry_order FROM self_read
  UNION ALL
  SELECT channel_id, ts, raw, origin, entry_order FROM ruling WHERE kind = 'enter'
) AS said
JOIN channel USING (channel_id)
WHERE channel.meter_id = ANY(%(meters)s::int[])
  AND coalesce((
    SELECT kind FROM ruling AS r
    WHERE (r.channel_id, r.ts, r.raw, r.origin)
        = (said.channel_id, said.ts, said.raw, said.origin)
    ORDER BY ruling_id DESC LIMIT 1
  ), '') <> 'set_aside'
ORDER BY said.channel_id, said.ts, said.entry_order DESC
