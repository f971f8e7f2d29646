-- SPDX-License-Identifier: MIT
-- The readings that are known and come again with more bits of a status: the bits add up. It returns
-- what has to be written into the reading (reading/elect).
SELECT r.raw, r.origin, coalesce(r.status, 0) | bit_or(i.status), i.channel_id, i.ts
FROM incoming AS i
CROSS JOIN LATERAL (
  SELECT raw, origin, status FROM reading
  WHERE channel_id = i.channel_id AND ts = i.ts
    AND ts BETWEEN to_timestamp(%(first)s) AND to_timestamp(%(last)s) LIMIT 1
) AS r
WHERE i.raw = r.raw AND i.origin = r.origin AND i.status & ~coalesce(r.status, 0) <> 0
GROUP BY r.raw, r.origin, r.status, i.channel_id, i.ts
ORDER BY i.channel_id, i.ts
