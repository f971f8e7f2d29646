-- SPDX-License-Identifier: MIT
-- What the dials of a society's meters showed: of each moment what was entered last.
SELECT DISTINCT ON (d.meter_id, d.read_at)
       d.meter_id, m.manufacturer, m.serial, a.subject_type, a.subject, a.service, d.read_at,
       d.dial, d.register, d.deviation, d.reason, d.entered_by, d.entered_at
FROM dial_reading AS d
JOIN meter AS m USING (meter_id)
JOIN assignment_version AS a USING (assignment_id)
WHERE d.society_id = %(society_id)s
ORDER BY d.meter_id, d.read_at, d.dial_reading_id DESC
