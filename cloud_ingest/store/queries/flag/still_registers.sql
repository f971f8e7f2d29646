-- SPDX-License-Identifier: MIT
-- The meters with a data port that serve a unit now, and whose register of a code was read on some of
-- some days and showed the same at the end of all of them.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       m.manufacturer, m.serial, a.valid_from
FROM (
  SELECT channel_id FROM days_between(%(first)s, %(last)s)
  WHERE channel_id IN (SELECT channel_id FROM channel WHERE obis = %(obis)s)
  GROUP BY channel_id
  HAVING min(last_raw) = max(last_raw) AND count(*) > 1
) AS still
JOIN channel AS c USING (channel_id)
JOIN assignment AS a USING (meter_id)
JOIN society AS s USING (society_id)
JOIN meter AS m USING (meter_id)
WHERE a.subject_type = 'unit' AND NOT a.legacy AND a.valid_from < %(first)s
  AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY a.society_id, a.subject, c.channel_id
