-- SPDX-License-Identifier: MIT
-- Whose meters, at the end of a month, have no billed register whose rollup reaches its capture period before it.
SELECT assignment_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
       valid_to, meter_id, manufacturer, serial, last_reading_at, author, reason, recorded_at,
       parent
FROM assignment AS a JOIN meter USING (meter_id)
WHERE a.society_id = %(society_id)s AND source <> 'check'
  AND valid_from < %(end)s AND (valid_to IS NULL OR valid_to >= %(end)s)
  AND (meter_id, service) NOT IN (
    SELECT c.meter_id, billed.service
    FROM months_between(%(first)s, %(first)s) AS rolled_up
    JOIN channel AS c USING (channel_id)
    JOIN unnest(%(services)s::text[], %(codes)s::text[], %(units)s::int[])
      AS billed (service, obis, unit) USING (obis, unit)
    WHERE abs(c.scaler) <= %(most_scaler)s AND rolled_up.max_ts >= %(end)s - make_interval(
      secs => CASE WHEN c.period_s > 0 THEN least(c.period_s, %(period_s)s) ELSE %(period_s)s END))
ORDER BY subject_type, subject, service, valid_from, source
