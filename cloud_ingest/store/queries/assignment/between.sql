-- SPDX-License-Identifier: MIT
-- Who had which meter at any time of a stretch.
SELECT assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent
FROM assignment JOIN meter USING (meter_id)
WHERE assignment.society_id = %(society_id)s
  AND valid_from < %(end)s AND (valid_to IS NULL OR valid_to > %(start)s)
  AND CASE %(checks)s
        WHEN 'without' THEN source <> 'check' WHEN 'only' THEN source = 'check' ELSE true END
  AND (%(subject_type)s::text IS NULL OR subject_type = %(subject_type)s)
  AND (%(subjects)s::text[] IS NULL OR subject = ANY(%(subjects)s))
  AND (%(tower)s::text IS NULL OR tower = %(tower)s OR subject_type <> 'unit' OR parent IS NOT NULL)
ORDER BY subject_type, subject, service, valid_from, source
