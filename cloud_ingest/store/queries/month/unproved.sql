-- SPDX-License-Identifier: MIT
-- What a closed month withholds, and the numbers that it sent as estimates.
WITH closed AS (
  SELECT convert_from(manifest, 'UTF8')::jsonb AS manifest FROM month_close
  WHERE society_id = %(society_id)s AND month = %(month)s
)
SELECT found.each -> 'subject' ->> 'type' AS subject_type,
       found.each -> 'subject' ->> 'id' AS subject,
       found.each ->> 'service' AS service,
       ARRAY(SELECT jsonb_array_elements_text(found.each -> 'reasons')) AS reasons
FROM closed CROSS JOIN LATERAL jsonb_array_elements(closed.manifest -> 'withheld') AS found (each)
UNION ALL
SELECT n.subject_type, n.subject, n.service,
       ARRAY(SELECT jsonb_array_elements_text(convert_from(n.message, 'UTF8')::jsonb -> 'reasons'))
FROM closed
CROSS JOIN LATERAL jsonb_array_elements(closed.manifest -> 'entries') AS named (each)
JOIN month_number AS n
  ON n.society_id = %(society_id)s AND n.month = %(month)s
  AND n.subject_type = named.each -> 'subject' ->> 'type'
  AND n.subject = named.each -> 'subject' ->> 'id'
  AND n.service = named.each ->> 'service'
  AND n.version = (named.each ->> 'version')::int
WHERE n.quality = 'estimated'
