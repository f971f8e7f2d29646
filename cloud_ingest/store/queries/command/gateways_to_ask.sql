-- SPDX-License-Identifier: MIT
-- The gateway of each meter by the newest word, where it is there, and has told all that it has.
SELECT manufacturer, serial, name, last_reading_at
FROM (
  SELECT DISTINCT ON (m.meter_id) m.manufacturer, m.serial, m.last_reading_at, g.name,
         g.gateway_id
  FROM meter_gateway AS b
  JOIN meter AS m USING (meter_id)
  JOIN gateway AS g ON g.gateway_id = b.gateway_id
  WHERE m.society_id = %(society_id)s
    AND (b.valid_from IS NULL OR b.valid_from <= %(now)s)
    AND (b.valid_to IS NULL OR b.valid_to > %(now)s)
  ORDER BY m.meter_id, b.binding_id DESC
) AS reads
JOIN gateway_status AS s USING (gateway_id)
WHERE last_reading_at IS NOT NULL AND s.state = 'online'
  AND coalesce((s.payload ->> 'meters_behind')::bigint, 0) = 0
  AND coalesce((s.payload ->> 'spooled')::bigint, 0) <= %(most_spooled)s
