-- SPDX-License-Identifier: MIT
-- The meters with a data port that may not have been read for too long, and which gateway reads them.
-- It is the one that it is bound to; of several the one that read it last. One that is bound to none and was
-- never read belongs to the gateway that names it among those that it does not read, else to the gateway
-- of its tower, where there is only one.
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       a.valid_from, m.meter_id, m.manufacturer, m.serial, m.last_reading_at, g.name AS gateway,
       (SELECT min(c.period_s) FROM channel AS c
        WHERE c.meter_id = m.meter_id AND c.period_s > 0) AS period_s,
       coalesce((SELECT e.code = %(far_off)s FROM meter_event AS e
                 WHERE e.meter_id = m.meter_id AND e.log = %(log)s
                   AND e.code IN (%(far_off)s, %(far_off_over)s)
                 ORDER BY e.ts DESC, e.code DESC LIMIT 1), false) AS clock_off
FROM meter AS m
JOIN assignment AS a USING (meter_id)
JOIN society AS s ON s.society_id = a.society_id
LEFT JOIN gateway AS g ON g.gateway_id = coalesce((
  SELECT b.gateway_id FROM meter_gateway AS b
  WHERE b.meter_id = m.meter_id AND coalesce(b.valid_from <= %(now)s, true)
    AND coalesce(b.valid_to > %(now)s, true)
  ORDER BY b.gateway_id = m.gateway_id DESC NULLS LAST, b.gateway_id LIMIT 1), m.gateway_id, (
  SELECT CASE count(*) WHEN 1 THEN min(o.gateway_id) ELSE min(o.gateway_id) FILTER (
    WHERE w.payload -> 'failing' @> jsonb_build_array(jsonb_build_object(
      'meter', jsonb_build_object('manufacturer', m.manufacturer, 'serial', m.serial)))) END
  FROM gateway AS o LEFT JOIN gateway_status AS w USING (gateway_id)
  WHERE o.society_id = a.society_id
    AND coalesce(nullif(o.tower, '') = nullif(a.tower, ''), true)))
WHERE (m.last_reading_at IS NULL OR m.last_reading_at < %(before)s)
  AND NOT a.legacy AND a.valid_from < %(before)s
  AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
  AND (%(societies)s::int[] IS NULL OR a.society_id = ANY(%(societies)s))
ORDER BY a.society_id, a.tower, a.subject_type, a.subject, a.service, m.meter_id
