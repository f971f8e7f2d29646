-- SPDX-License-Identifier: MIT
-- Every mark says whose day it is, so that a closing knows which channels wait and which do not.

WITH gone AS (
  DELETE FROM dirty WHERE channels = '{}' RETURNING day, marked_at
)
INSERT INTO dirty (day, channels, marked_at)
SELECT day, (SELECT array_agg(channel_id ORDER BY channel_id) FROM channel), min(marked_at)
FROM gone
WHERE EXISTS (SELECT FROM channel)
GROUP BY day
ORDER BY day;
ALTER TABLE dirty ADD CONSTRAINT dirty_names_channels CHECK (channels <> '{}');
COMMENT ON COLUMN dirty.channels IS 'whose day it is';
