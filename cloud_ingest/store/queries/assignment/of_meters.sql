-- SPDX-License-Identifier: MIT
-- Whom meters served at any time of a stretch; what touches one of its ends belongs to it. A meter
-- serves nobody while it checks another.
SELECT assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent
FROM assignment JOIN meter USING (meter_id)
WHERE meter_id = ANY(%(meters)s::int[])
  AND source <> 'check'
  AND valid_from <= %(end)s AND (valid_to IS NULL OR valid_to >= %(start)s)
ORDER BY meter_id, valid_from, valid_to, assignment_id
