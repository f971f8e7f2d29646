-- SPDX-License-Identifier: MIT
-- Events of the meters of a society, newest first.
SELECT m.manufacturer, m.serial, e.log, e.ts AS at, e.code, e.detail
FROM meter_event AS e
JOIN meter AS m USING (meter_id)
JOIN society AS s USING (society_id)
WHERE s.name = %(society)s
  AND (%(serial)s::text IS NULL OR m.serial = %(serial)s)
  AND (%(codes)s::int[] IS NULL OR e.code = ANY(%(codes)s))
  AND e.ts >= %(since)s
ORDER BY e.ts DESC, m.manufacturer, m.serial, e.log, e.code
LIMIT %(limit)s
