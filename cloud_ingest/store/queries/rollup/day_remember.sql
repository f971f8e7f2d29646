-- SPDX-License-Identifier: MIT
-- Remember what days say, of one society or of all.
INSERT INTO remembered_rollup
SELECT %(after)s, channel_id, day, first_raw, last_raw, min_ts, max_ts, count, sum_raw, min_raw, max_raw
FROM reading_day
WHERE day BETWEEN %(first)s AND %(last)s
  AND channel_id IN (
    SELECT channel_id FROM channel JOIN meter USING (meter_id)
    WHERE %(society_id)s::int IS NULL OR society_id = %(society_id)s)
