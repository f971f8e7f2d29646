-- SPDX-License-Identifier: MIT
-- The intervals of a channel added up in steps of a time; each belongs to the step it ends in.
SELECT floor((extract(epoch FROM ts - %(origin)s) - 0.000001) / %(step_s)s)::int AS step,
       count(*), sum(raw)
FROM reading
WHERE channel_id = %(channel)s AND ts > %(start)s AND ts <= %(end)s
GROUP BY step
