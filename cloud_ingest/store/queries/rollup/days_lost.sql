-- SPDX-License-Identifier: MIT
-- Days whose rollups tell of more readings than there are: somebody has dropped some. What was set
-- aside is there as a claim.
SELECT DISTINCT day
FROM days_between(%(first)s, %(last)s) AS told
LEFT JOIN (
  SELECT channel_id, ((ts - INTERVAL '1 microsecond') AT TIME ZONE %(zone)s)::date AS day,
         count(*) AS count
  FROM reading
  WHERE ts > %(start)s AND ts <= %(end)s
  GROUP BY 1, 2
) AS found USING (channel_id, day)
LEFT JOIN (
  SELECT channel_id, ((ts - INTERVAL '1 microsecond') AT TIME ZONE %(zone)s)::date AS day,
         count(DISTINCT ts) AS count
  FROM claim
  WHERE ts > %(start)s AND ts <= %(end)s
    AND NOT EXISTS (SELECT FROM reading
                    WHERE reading.channel_id = claim.channel_id AND reading.ts = claim.ts
                      AND reading.ts > %(start)s AND reading.ts <= %(end)s)
  GROUP BY 1, 2
) AS set_aside USING (channel_id, day)
WHERE told.count > coalesce(found.count, 0) + coalesce(set_aside.count, 0)
