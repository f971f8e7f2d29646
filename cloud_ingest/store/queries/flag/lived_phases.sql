-- SPDX-License-Identifier: MIT
-- Which phases of meters had a voltage on a day before.
SELECT DISTINCT c.meter_id, c.obis
FROM channel AS c JOIN days_between(%(first)s, %(last)s) AS d USING (channel_id)
WHERE c.meter_id = ANY(%(meters)s::int[]) AND c.obis = ANY(%(phases)s) AND c.unit = %(volt)s
  AND d.max_raw * 10::numeric ^ c.scaler >= %(live)s
