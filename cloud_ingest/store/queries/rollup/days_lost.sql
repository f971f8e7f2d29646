-- SPDX-License-Identifier: MIT
-- Days whose rollups tell of more readings than there are: somebody has dropped some.
SELECT DISTINCT day
FROM days_between(%(first)s, %(last)s) AS told
LEFT JOIN (
  SELECT channel_id, ((ts - INTERVAL '1 microsecond') AT TIME ZONE %(zone)s)::date AS day,
         count(*) AS count
  FROM reading
  WHERE ts > %(start)s AND ts <= %(end)s
  GROUP BY 1, 2
) AS found USING (channel_id, day)
WHERE told.count > coalesce(found.count, 0)
