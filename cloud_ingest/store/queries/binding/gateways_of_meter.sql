-- SPDX-License-Identifier: MIT
-- The gateways that may speak for a meter at a time, the newest word first.
SELECT g.name
FROM meter_gateway AS b
JOIN meter AS m USING (meter_id)
JOIN society AS s ON s.society_id = m.society_id
JOIN gateway AS g ON g.gateway_id = b.gateway_id
WHERE s.name = %(society)s AND m.manufacturer = %(manufacturer)s AND m.serial = %(serial)s
  AND (b.valid_from IS NULL OR b.valid_from <= %(at)s)
  AND (b.valid_to IS NULL OR b.valid_to > %(at)s)
ORDER BY b.binding_id DESC
