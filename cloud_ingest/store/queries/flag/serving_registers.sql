-- SPDX-License-Identifier: MIT
-- All registers of a code that serve the same units, common areas and towers now as some of them
-- do: one flag is of a unit, whichever of its meters shows it.
WITH served AS (
  SELECT DISTINCT a.society_id, a.subject_type, a.subject, a.service
  FROM channel AS c
  JOIN assignment AS a USING (meter_id)
  WHERE c.channel_id = ANY(%(channels)s::int[]) AND c.obis = %(obis)s
    AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
)
SELECT c.channel_id, c.unit, c.scaler, c.weight, a.society_id, s.name AS society, a.tower,
       a.subject_type, a.subject, a.source, a.valid_from, m.manufacturer, m.serial, m.q4_m3_h,
       extract(epoch FROM m.last_reading_at)::bigint AS last_reading
FROM served
JOIN assignment AS a USING (society_id, subject_type, subject, service)
JOIN society AS s USING (society_id)
JOIN meter AS m USING (meter_id)
JOIN channel AS c ON c.meter_id = m.meter_id AND c.obis = %(obis)s
WHERE a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s) AND NOT a.legacy
ORDER BY a.society_id, a.subject_type, a.subject, c.channel_id
