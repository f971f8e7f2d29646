-- SPDX-License-Identifier: MIT
-- Every meter that was ever assigned, when it was installed, and in which towers.
SELECT meter.society_id, manufacturer, serial, meter_id,
       array_agg(valid_from ORDER BY valid_from) AS starts,
       array_agg(valid_to ORDER BY valid_from) AS ends,
       coalesce(array_agg(DISTINCT tower) FILTER (WHERE tower <> ''), '{}') AS towers
FROM meter JOIN assignment USING (meter_id)
GROUP BY meter_id
