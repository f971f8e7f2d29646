-- SPDX-License-Identifier: MIT
-- The newest billed register of each subject's meters.
SELECT a.tower, a.subject_type, a.subject, a.service, a.source, m.manufacturer, m.serial, a.legacy,
       newest.ts AS at, newest.raw, newest.origin, newest.unit, newest.scaler
FROM assignment AS a
JOIN meter AS m USING (meter_id)
LEFT JOIN LATERAL (
  SELECT r.ts, r.raw, r.origin, c.unit, c.scaler
  FROM channel AS c
  CROSS JOIN LATERAL (
    SELECT ts, raw, origin FROM reading
    WHERE reading.channel_id = c.channel_id ORDER BY ts DESC LIMIT 1
  ) AS r
  WHERE c.meter_id = a.meter_id
    AND c.obis = CASE a.service WHEN 'electricity' THEN %(electricity)s ELSE %(water)s END
  ORDER BY r.ts DESC LIMIT 1
) AS newest ON true
WHERE a.society_id = %(society_id)s AND a.valid_from <= %(now)s
  AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY a.subject_type, a.subject, a.service, a.source
