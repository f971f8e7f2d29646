-- SPDX-License-Identifier: MIT
-- What the dials of meters showed, and the registers beside them: of each moment what was entered last.
SELECT DISTINCT ON (d.meter_id, a.service, d.read_at) d.meter_id, a.service, d.read_at, d.dial,
       d.register
FROM dial_reading AS d
JOIN assignment_version AS a USING (assignment_id)
WHERE d.meter_id = ANY(%(meters)s::int[])
ORDER BY d.meter_id, a.service, d.read_at, d.dial_reading_id DESC
