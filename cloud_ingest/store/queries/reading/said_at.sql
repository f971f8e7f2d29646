-- SPDX-License-Identifier: MIT
-- Of channels, each with a raw value, those that say it at a moment, elected or not.
SELECT DISTINCT channel_id
FROM unnest(%(ids)s::int[], %(raws)s::bigint[]) AS said (channel_id, raw)
JOIN (
  SELECT channel_id, raw FROM reading WHERE channel_id = ANY(%(ids)s::int[]) AND ts = %(at)s
  UNION ALL
  SELECT channel_id, raw FROM claim WHERE channel_id = ANY(%(ids)s::int[]) AND ts = %(at)s
) AS stored USING (channel_id, raw)
ORDER BY channel_id
