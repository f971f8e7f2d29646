-- SPDX-License-Identifier: MIT
-- Let the electricity meters be judged again to which some channels belong.
INSERT INTO load_change (meter_id, times)
SELECT DISTINCT meter_id, 1 FROM channel
WHERE channel_id = ANY(%(channels)s::int[]) AND obis = ANY(%(registers)s)
ORDER BY meter_id
ON CONFLICT (meter_id) DO UPDATE SET times = load_change.times + 1
