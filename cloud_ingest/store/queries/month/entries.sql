-- SPDX-License-Identifier: MIT
-- What persons entered of meters for times in a window: of which register, who, why and when.
SELECT kind, meter_id, channel_id, at, until, raw, origin, value, subject, author, reason,
       recorded_at, entry_order
FROM (
  SELECT ruling.kind AS kind, meter_id, channel_id, ts AS at, NULL::timestamptz AS until, raw,
         ruling.origin::int AS origin, NULL::numeric AS value, NULL AS subject, author, reason,
         ruled_at AS recorded_at, entry_order
  FROM ruling JOIN channel USING (channel_id)
  UNION ALL
  SELECT 'self_read', meter_id, channel_id, read_at, NULL, raw, NULL, value, NULL, entered_by,
         coalesce(forced_because, ''), entered_at, entry_order
  FROM self_read JOIN channel USING (channel_id)
  UNION ALL
  SELECT 'epoch', meter_id, channel_id, starts_at, NULL, offset_raw, NULL, NULL, NULL,
         epoch.author, epoch.reason, epoch.recorded_at, entry_order
  FROM epoch JOIN channel USING (channel_id)
  UNION ALL
  SELECT 'dial', meter_id, NULL, read_at, NULL, NULL, NULL, NULL, NULL, entered_by, reason,
         entered_at, entry_order
  FROM dial_reading
  UNION ALL
  SELECT CASE WHEN taken_back THEN 'assignment_taken_back' ELSE 'assignment' END, meter_id, NULL,
         valid_from, valid_to, NULL, NULL, NULL, subject, author, reason, recorded_at,
         entry_order
  FROM assignment_version
) AS entry
WHERE meter_id = ANY(%(meters)s::int[])
  AND at <= %(end)s
  AND coalesce(until, CASE WHEN kind LIKE 'assignment%%' THEN %(end)s ELSE at END) >= %(start)s
ORDER BY entry_order
