-- SPDX-License-Identifier: MIT
-- Of each meter that serves nobody in a whole stretch, whom it served last before it. It still counts
-- behind its beginning, or serves somebody again later.
SELECT DISTINCT ON (meter_id)
       assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent
FROM assignment AS former JOIN meter USING (meter_id)
WHERE former.society_id = %(society_id)s AND source <> 'check' AND valid_to <= %(start)s
  AND NOT EXISTS (
    SELECT FROM assignment AS other
    WHERE other.meter_id = former.meter_id AND other.valid_from < %(end)s
      AND (other.valid_to IS NULL OR other.valid_to > %(start)s)
  )
  AND (last_reading_at > %(start)s OR EXISTS (
    SELECT FROM assignment AS later
    WHERE later.meter_id = former.meter_id AND later.source <> 'check'
      AND later.valid_from >= %(end)s
  ))
ORDER BY meter_id, valid_to DESC, assignment_id
