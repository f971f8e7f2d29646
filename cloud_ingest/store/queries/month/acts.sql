-- SPDX-License-Identifier: MIT
-- What persons entered after a place in the order of entries that may change a month: of which meter,
-- for when, who and why.
SELECT manufacturer, serial, what, author, reason, recorded_at, first_at, last_at, subject_type,
       subject, entry_order
FROM (
  SELECT meter_id, 'reading ' || CASE ruling.kind WHEN 'set_aside' THEN 'set aside'
           WHEN 'restore' THEN 'restored' ELSE 'entered' END AS what,
         author, reason, ruled_at AS recorded_at, ts AS first_at, ts AS last_at,
         NULL AS subject_type, NULL AS subject, entry_order
  FROM ruling JOIN channel USING (channel_id)
  UNION ALL
  SELECT meter_id, 'self-read', entered_by, coalesce(forced_because, 'self-read'), entered_at,
         read_at, read_at, NULL, NULL, entry_order
  FROM self_read JOIN channel USING (channel_id)
  UNION ALL
  SELECT meter_id, 'epoch', author, reason, recorded_at, starts_at, starts_at, NULL, NULL,
         entry_order
  FROM epoch JOIN channel USING (channel_id)
  UNION ALL
  SELECT meter_id, 'dial', entered_by, reason, entered_at, read_at, read_at, NULL, NULL, entry_order
  FROM dial_reading
  UNION ALL
  SELECT meter_id, CASE WHEN taken_back THEN 'assignment taken back' ELSE 'assignment' END,
         author, reason, recorded_at, valid_from, valid_to, subject_type, subject, entry_order
  FROM assignment_version
  UNION ALL
  SELECT former.meter_id, 'assignment', later.author, later.reason, later.recorded_at,
         former.valid_from, former.valid_to, former.subject_type, former.subject,
         later.entry_order
  FROM assignment_version AS former
  JOIN LATERAL (
    SELECT * FROM assignment_version AS next
    WHERE next.meter_id = former.meter_id AND next.entry_order >= former.superseded_order
    ORDER BY next.entry_order LIMIT 1
  ) AS later ON true
  WHERE NOT former.taken_back AND NOT later.taken_back
  UNION ALL
  SELECT meter_id, 'edit', NULL, NULL, at, ts, ts, NULL, NULL, entry_order
  FROM election JOIN channel USING (channel_id) WHERE new_origin = 0
) AS act
JOIN meter USING (meter_id)
WHERE society_id = %(society_id)s AND entry_order > %(since)s
ORDER BY entry_order, manufacturer, serial, what DESC
