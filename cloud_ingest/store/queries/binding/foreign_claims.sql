-- SPDX-License-Identifier: MIT
-- For which meters gateways spoke to which they are not bound, as long as some of it is in quarantine and
-- nobody has said what is right.
SELECT c.society_id, s.name AS society, g.name AS gateway, m.manufacturer, m.serial, q.since, c.last_at,
       c.batches, q.quarantine_id,
       ARRAY(SELECT DISTINCT o.name FROM meter_gateway AS b JOIN gateway AS o USING (gateway_id)
             WHERE b.meter_id = c.meter_id AND b.valid_to IS NULL ORDER BY o.name) AS bound_to
FROM foreign_claim AS c
JOIN gateway AS g USING (gateway_id)
JOIN meter AS m USING (meter_id)
JOIN society AS s ON s.society_id = c.society_id
JOIN (
  SELECT gateway, min(first_at) AS since, min(quarantine_id) AS quarantine_id FROM quarantine
  WHERE reason = %(reason)s AND state = 'open' GROUP BY gateway
) AS q ON q.gateway = g.name AND q.since <= c.last_at
WHERE c.settled_at IS NULL AND (%(society_id)s::int IS NULL OR c.society_id = %(society_id)s)
ORDER BY c.society_id, g.name, m.manufacturer, m.serial
