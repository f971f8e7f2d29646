-- SPDX-License-Identifier: MIT
-- The next channels, of one society or of all.
SELECT channel_id
FROM channel JOIN meter USING (meter_id)
WHERE channel_id > %(after)s AND (%(society_id)s::int IS NULL OR society_id = %(society_id)s)
ORDER BY channel_id
LIMIT %(limit)s
