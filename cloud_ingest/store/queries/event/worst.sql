-- SPDX-License-Identifier: MIT
-- The flags of a society, those that lose most litres a day first; a null stands for any. What is lost is the
-- lowest hour of the water, a tower's balance, or the flow now.
WITH own AS (
  SELECT event_id, severity, raised_at, state,
         CASE WHEN kind IN ('leak', 'burst', 'tower_loss') THEN coalesce(
           (evidence ->> 'litres_a_day')::numeric, (evidence ->> 'litres_a_month')::numeric / 30,
           (evidence ->> 'rate_l_per_h')::numeric * 24) END AS litres_a_day
  FROM event
  WHERE society_id = %(society_id)s
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(severity)s::text IS NULL OR severity = %(severity)s)
    AND (%(tower)s::text IS NULL OR tower = %(tower)s)
    AND (%(unit)s::text IS NULL OR unit_type = 'unit' AND unit = %(unit)s)
    AND (%(state)s::text IS NULL OR state = CASE %(state)s WHEN 'cleared' THEN 'cleared' ELSE 'open' END)
    AND (%(state)s::text IS DISTINCT FROM 'muted' OR EXISTS (
      SELECT FROM event_mute AS m
      WHERE m.ended_at IS NULL AND m.society_id = event.society_id AND m.kind = event.kind
        AND m.subject_type = event.subject_type AND m.subject = event.subject))
    AND (%(state)s::text IS DISTINCT FROM 'unseen' OR acknowledged_at IS NULL)
)
SELECT event_id, litres_a_day, count(*) OVER () AS flags,
       count(*) FILTER (WHERE severity = 'alarm') OVER () AS alarms,
       sum(litres_a_day) OVER () AS litres_a_day_of_all
FROM own
ORDER BY litres_a_day DESC NULLS LAST, severity, raised_at DESC, event_id
LIMIT %(limit)s OFFSET %(offset)s
