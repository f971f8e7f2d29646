-- SPDX-License-Identifier: MIT
-- Every meter that was ever assigned, and when it was installed.
SELECT meter.society_id, manufacturer, serial, meter_id,
       array_agg(valid_from ORDER BY valid_from) AS starts,
       array_agg(valid_to ORDER BY valid_from) AS ends
FROM meter JOIN assignment USING (meter_id)
GROUP BY meter_id
