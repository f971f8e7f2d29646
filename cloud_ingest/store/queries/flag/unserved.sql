-- SPDX-License-Identifier: MIT
-- Whose flags of some kinds are open though the meter that shows it does not serve them any more.
SELECT DISTINCT e.society_id, e.subject_type, e.subject
FROM event AS e
WHERE e.state = 'open' AND e.subject_type IN ('unit', 'common')
  AND e.kind = ANY(%(kinds)s::text[]) AND e.service = %(service)s
  AND NOT EXISTS (
    SELECT FROM assignment AS a JOIN meter AS m USING (meter_id)
    WHERE a.society_id = e.society_id AND a.subject_type = e.subject_type
      AND a.subject = e.subject AND a.service = e.service AND NOT a.legacy
      AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
      AND m.manufacturer = e.evidence ->> 'manufacturer' AND m.serial = e.evidence ->> 'serial')
