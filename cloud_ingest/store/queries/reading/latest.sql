-- SPDX-License-Identifier: MIT
-- The newest billed register of each subject's meters: a reading, or what came later and was not kept.
SELECT a.tower, a.subject_type, a.subject, a.service, a.source, m.manufacturer, m.serial, a.legacy,
       newest.ts AS at, newest.raw, newest.origin, newest.unit, newest.scaler,
       coalesce(newest.volatile, false) AS volatile
FROM assignment AS a
JOIN meter AS m USING (meter_id)
CROSS JOIN LATERAL (
  SELECT CASE a.service WHEN 'electricity' THEN %(electricity)s ELSE %(water)s END AS obis
) AS billed
LEFT JOIN LATERAL (
  SELECT * FROM (
    (
      SELECT r.ts, r.raw, r.origin, c.unit, c.scaler, false AS volatile
      FROM channel AS c
      CROSS JOIN LATERAL (
        SELECT ts, raw, origin FROM reading
        WHERE reading.channel_id = c.channel_id ORDER BY ts DESC LIMIT 1
      ) AS r
      WHERE c.meter_id = a.meter_id AND c.obis = billed.obis
      ORDER BY r.ts DESC LIMIT 1
    )
    UNION ALL
    SELECT ts, raw, NULL, unit, scaler, true FROM volatile_reading
    WHERE volatile_reading.meter_id = a.meter_id AND volatile_reading.obis = billed.obis
  ) AS found
  ORDER BY ts DESC, volatile LIMIT 1
) AS newest ON true
WHERE a.society_id = %(society_id)s AND a.valid_from <= %(now)s
  AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY a.subject_type, a.subject, a.service, a.source
