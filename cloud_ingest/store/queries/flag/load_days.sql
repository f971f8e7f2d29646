-- SPDX-License-Identifier: MIT
-- The last registers of the days of meters: import and export, with their steps.
SELECT c.meter_id, c.obis, c.channel_id, c.unit, c.scaler, d.day, d.max_ts, d.last_raw
FROM channel AS c
JOIN days_between(%(first)s, %(last)s) AS d USING (channel_id)
WHERE c.meter_id = ANY(%(meters)s::int[]) AND c.obis IN (%(import)s, %(export)s)
ORDER BY c.meter_id, c.obis, c.channel_id, d.day
