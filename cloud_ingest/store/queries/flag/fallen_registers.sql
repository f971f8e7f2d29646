-- SPDX-License-Identifier: MIT
-- Where registers of a code showed less than before, since a time: a claim that was set aside, or the
-- first one after a break. Of meters that serve a unit or a common area now.
WITH fallen AS (
  SELECT c.meter_id, c.channel_id, v.ts AS after_at, v.raw AS after_raw, v.neighbours -> 'before' AS before
  FROM verdict AS v JOIN channel AS c USING (channel_id)
  WHERE v.rule = 'fall' AND v.ts >= %(since)s AND c.obis = %(obis)s
  UNION ALL
  SELECT meter_id, (neighbours -> 'after' ->> 'channel_id')::int, ts,
         (neighbours -> 'after' ->> 'raw')::bigint, neighbours -> 'before'
  FROM register_break
  WHERE rule = 'fall' AND ts >= %(since)s AND obis = %(obis)s
)
SELECT a.society_id, s.name AS society, a.tower, a.subject_type, a.subject, a.service, a.source,
       m.manufacturer, m.serial, (before ->> 'ts')::timestamptz AS before_at, after_at,
       ((before ->> 'raw')::bigint - after_raw) AS counts, c.unit, c.scaler, c.weight, m.q4_m3_h
FROM fallen AS f
JOIN channel AS c USING (channel_id)
JOIN assignment AS a ON a.meter_id = f.meter_id
JOIN society AS s USING (society_id)
JOIN meter AS m ON m.meter_id = f.meter_id
WHERE (before ->> 'channel_id')::int = f.channel_id AND (before ->> 'raw')::bigint > after_raw
  AND a.subject_type IN ('unit', 'common') AND a.valid_from <= after_at
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY f.meter_id, after_at
