-- SPDX-License-Identifier: MIT
-- The meters of a society that serve something now, with what they serve; a null stands for any. One that was never
-- read is behind the gateway that is bound to it.
SELECT m.meter_id, m.manufacturer, m.serial, m.last_reading_at, g.name AS gateway,
       a.tower, a.subject_type, a.subject, a.service, a.source
FROM assignment AS a
JOIN meter AS m USING (meter_id)
LEFT JOIN gateway AS g ON g.gateway_id = coalesce(m.gateway_id, (
  SELECT b.gateway_id FROM meter_gateway AS b
  WHERE b.meter_id = m.meter_id AND b.valid_to IS NULL ORDER BY b.binding_id DESC LIMIT 1))
WHERE a.society_id = %(society_id)s AND NOT a.legacy
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
  AND (%(gateway)s::text IS NULL OR g.name = %(gateway)s)
  AND (%(manufacturer)s::text IS NULL OR m.manufacturer = %(manufacturer)s AND m.serial = %(serial)s)
ORDER BY m.manufacturer, m.serial, a.valid_from
