-- SPDX-License-Identifier: MIT
-- The moments of some meters in a stretch of time by which their registers are evidence for ever: handovers, epochs, dials, and the ends of the numbers that were sent, with those that nobody read told apart.
WITH named AS (
  SELECT society_id, meter_id, manufacturer, serial
  FROM unnest(%(makers)s::text[], %(serials)s::text[]) AS each (manufacturer, serial)
  JOIN meter USING (manufacturer, serial)
), served AS (
  SELECT assignment_version.* FROM named JOIN assignment_version USING (society_id, meter_id)
), ends AS (
  SELECT part #>> '{meter,manufacturer}' AS manufacturer, part #>> '{meter,serial}' AS serial,
         part -> side AS reading
  FROM (SELECT DISTINCT society_id, subject_type, subject, service FROM served) AS subject
  JOIN month_number USING (society_id, subject_type, subject, service)
  CROSS JOIN jsonb_array_elements(convert_from(message, 'UTF8')::jsonb -> 'parts') AS part
  CROSS JOIN (VALUES ('opening'), ('closing')) AS sides (side)
  WHERE month >= %(first_month)s AND coalesce(since, month) <= %(last_month)s
), said AS (
  SELECT meter_id, valid_from AS at, false AS placed FROM served
  UNION SELECT meter_id, valid_to, false FROM served
  UNION SELECT meter_id, starts_at, false
  FROM named JOIN channel USING (meter_id) JOIN epoch USING (channel_id)
  UNION SELECT meter_id, read_at, false
  FROM named JOIN channel USING (meter_id) JOIN self_read USING (channel_id)
  UNION SELECT meter_id, read_at, false FROM named JOIN dial_reading USING (meter_id)
  UNION SELECT meter_id, (reading ->> 'at')::timestamptz, reading ->> 'origin' = 'estimate'
  FROM named JOIN ends USING (manufacturer, serial)
)
SELECT meter_id, manufacturer, serial, at, placed
FROM named JOIN said USING (meter_id)
WHERE at BETWEEN %(start)s AND %(end)s
   OR (placed AND at BETWEEN %(placed_start)s AND %(placed_end)s)
