-- SPDX-License-Identifier: MIT
-- What the billed registers of the meters that serve a unit now showed at the end of each day.
SELECT d.channel_id, a.service, c.unit, c.scaler, d.day, d.last_raw
FROM assignment AS a
JOIN channel AS c USING (meter_id)
JOIN unnest(%(services)s::text[], %(codes)s::text[]) AS billed (service, obis)
  ON billed.service = a.service AND billed.obis = c.obis
JOIN days_between(%(first)s, %(last)s) AS d USING (channel_id)
WHERE a.society_id = %(society_id)s AND a.subject_type = 'unit' AND a.subject = %(subject)s
  AND a.source <> 'check' AND a.valid_from <= %(now)s
  AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY d.channel_id, d.day
