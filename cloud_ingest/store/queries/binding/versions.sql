-- SPDX-License-Identifier: MIT
-- Which gateway may speak for which meter of a society, as it was said each time.
SELECT v.binding_id, v.meter_id, m.manufacturer, m.serial, v.gateway_id, g.name AS gateway, v.valid_from,
       v.valid_to, v.how, v.author, v.reason, v.recorded_at, v.superseded_at, v.taken_back
FROM meter_gateway_version AS v
JOIN meter AS m USING (meter_id)
JOIN gateway AS g ON g.gateway_id = v.gateway_id
WHERE v.society_id = %(society_id)s
  AND (%(meters)s::int[] IS NULL OR v.meter_id = ANY(%(meters)s))
  AND (%(gateway)s::text IS NULL OR g.name = %(gateway)s)
  AND (%(history)s OR v.superseded_at IS NULL)
ORDER BY m.manufacturer, m.serial, v.binding_id
