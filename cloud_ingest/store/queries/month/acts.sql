-- SPDX-License-Identifier: MIT
-- What persons entered since a time that may change a month: of which meter, for when, who and why.
SELECT manufacturer, serial, what, author, reason, recorded_at, first_at, last_at, subject_type,
       subject
FROM (
  SELECT meter_id, 'reading ' || CASE ruling.kind WHEN 'set_aside' THEN 'set aside'
           WHEN 'restore' THEN 'restored' ELSE 'entered' END AS what,
         author, reason, ruled_at AS recorded_at, ts AS first_at, ts AS last_at,
         NULL AS subject_type, NULL AS subject
  FROM ruling JOIN channel USING (channel_id) WHERE ruled_at >= %(since)s
  UNION ALL
  SELECT meter_id, 'self-read', entered_by, coalesce(forced_because, 'self-read'), entered_at,
         read_at, read_at, NULL, NULL
  FROM self_read JOIN channel USING (channel_id) WHERE entered_at >= %(since)s
  UNION ALL
  SELECT meter_id, 'epoch', author, reason, recorded_at, starts_at, starts_at, NULL, NULL
  FROM epoch JOIN channel USING (channel_id) WHERE recorded_at >= %(since)s
  UNION ALL
  SELECT meter_id, 'dial', entered_by, reason, entered_at, read_at, read_at, NULL, NULL
  FROM dial_reading WHERE entered_at >= %(since)s
  UNION ALL
  SELECT meter_id, CASE WHEN taken_back THEN 'assignment taken back' ELSE 'assignment' END,
         author, reason, recorded_at, valid_from, valid_to, subject_type, subject
  FROM assignment_version WHERE recorded_at >= %(since)s
  UNION ALL
  SELECT former.meter_id, 'assignment', later.author, later.reason, later.recorded_at,
         former.valid_from, former.valid_to, former.subject_type, former.subject
  FROM assignment_version AS former
  JOIN assignment_version AS later
    ON later.meter_id = former.meter_id AND later.recorded_at = former.superseded_at
  WHERE former.superseded_at >= %(since)s AND NOT former.taken_back AND NOT later.taken_back
  UNION ALL
  SELECT meter_id, 'edit', NULL, NULL, at, ts, ts, NULL, NULL
  FROM election JOIN channel USING (channel_id) WHERE new_origin = 0 AND at >= %(since)s
) AS act
JOIN meter USING (meter_id)
WHERE society_id = %(society_id)s
ORDER BY recorded_at, manufacturer, serial, what DESC
