-- SPDX-License-Identifier: MIT
-- The first claims behind the breaks of billed registers that nobody vouched for, with the claims by which they were judged.
SELECT (neighbours -> 'after' ->> 'channel_id')::int AS channel_id,
       extract(epoch FROM ts)::bigint AS ts,
       (neighbours -> 'after' ->> 'raw')::bigint AS raw,
       (neighbours -> 'after' ->> 'origin')::int AS origin,
       meter_id, meter.manufacturer, meter.serial, register_break.obis, channel.unit,
       channel.scaler, rule, parameters, neighbours, judged_at,
       NULL AS kind, NULL AS author, NULL AS reason, NULL::timestamptz AS ruled_at,
       true AS is_break
FROM register_break
JOIN meter USING (meter_id)
JOIN channel USING (meter_id)
WHERE NOT vouched AND meter.society_id = %(society_id)s
  AND channel.channel_id = (neighbours -> 'after' ->> 'channel_id')::int
  AND (%(subject)s::text IS NULL OR meter_id IN (
    SELECT meter_id FROM assignment
    WHERE society_id = %(society_id)s AND subject = %(subject)s))
