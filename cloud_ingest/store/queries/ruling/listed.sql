-- SPDX-License-Identifier: MIT
-- Claims of billed registers that are not elected, or of which a person has said something. Of
-- elected readings that their meter calls not valid it names the first of each UTC day.
SELECT told.channel_id, extract(epoch FROM told.ts)::bigint AS ts, told.raw, told.origin,
       channel.meter_id, meter.manufacturer, meter.serial, channel.obis, channel.unit,
       channel.scaler, verdict.rule, verdict.parameters, verdict.neighbours,
       verdict.judged_at,
       said.kind, said.author, said.reason, said.ruled_at, false AS is_break
FROM (
  SELECT channel_id, ts, raw, origin FROM claim
  UNION
  SELECT channel_id, ts, raw, origin FROM ruling
  UNION
  SELECT channel_id, min(ts), (array_agg(raw ORDER BY ts))[1], (array_agg(origin ORDER BY ts))[1]
  FROM verdict
  WHERE rule IN ('status', 'clock') AND NOT EXISTS (
    SELECT FROM claim
    WHERE claim.channel_id = verdict.channel_id AND claim.ts = verdict.ts
      AND claim.origin = verdict.origin AND claim.raw = verdict.raw)
  GROUP BY channel_id, rule, date_trunc('day', ts, 'UTC')
) AS told
JOIN channel USING (channel_id)
JOIN meter USING (meter_id)
LEFT JOIN verdict USING (channel_id, ts, raw, origin)
LEFT JOIN LATERAL (
  SELECT kind, author, reason, ruled_at FROM ruling
  WHERE ruling.channel_id = told.channel_id AND ruling.ts = told.ts
    AND ruling.raw = told.raw AND ruling.origin = told.origin
  ORDER BY ruling_id DESC LIMIT 1
) AS said ON true
WHERE meter.society_id = %(society_id)s AND channel.obis = ANY(%(codes)s::text[])
  AND (%(subject)s::text IS NULL OR channel.meter_id IN (
    SELECT meter_id FROM assignment
    WHERE society_id = %(society_id)s AND subject = %(subject)s))
ORDER BY told.ts, told.channel_id, told.origin, told.raw
