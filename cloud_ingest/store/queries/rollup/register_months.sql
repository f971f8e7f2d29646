-- SPDX-License-Identifier: MIT
-- The billed registers of a month's assignments: first and last of the month, last before it.
SELECT a.assignment_id, a.tower, a.subject_type, a.subject, a.service, a.source, a.valid_from,
       a.valid_to, m.manufacturer, m.serial,
       c.channel_id, c.unit, c.scaler, c.weight, c.period_s,
       coalesce(before.last_raw, earlier.last_raw) AS before_raw,
       coalesce(before.max_ts, earlier.max_ts) AS before_ts,
       this.first_raw, this.min_ts AS first_ts, this.last_raw, this.max_ts AS last_ts,
       c.channel_id IN (SELECT channel_id FROM epoch) AS has_epochs,
       a.meter_id, a.parent
FROM assignment AS a
JOIN meter AS m USING (meter_id)
LEFT JOIN channel AS c
  ON c.meter_id = a.meter_id
  AND c.obis = CASE a.service WHEN 'electricity' THEN %(electricity)s ELSE %(water)s END
LEFT JOIN months_between(%(first)s, %(first)s) AS this ON this.channel_id = c.channel_id
LEFT JOIN months_between(%(previous)s, %(previous)s) AS before
  ON before.channel_id = c.channel_id
LEFT JOIN LATERAL (
  SELECT last_raw, max_ts FROM reading_month
  WHERE channel_id = c.channel_id AND month < %(previous)s
    AND before.channel_id IS NULL AND a.valid_from < %(start)s
  ORDER BY month DESC LIMIT 1
) AS earlier ON true
WHERE a.society_id = %(society_id)s AND a.source <> 'check'
  AND a.valid_from < %(end)s AND (a.valid_to IS NULL OR a.valid_to > %(start)s)
  AND (%(subject_type)s::text IS NULL OR a.subject_type = %(subject_type)s)
  AND (%(subjects)s::text[] IS NULL OR a.subject = ANY(%(subjects)s))
