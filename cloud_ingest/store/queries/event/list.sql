-- SPDX-License-Identifier: MIT
-- Flags with the mute that lasts, newest first; a null stands for any. A gateway's read failure is of
-- each unit whose meter is behind it; while it is open, of those that are behind it still.
SELECT e.event_id, e.society_id, s.name AS society, e.kind, e.severity, e.subject_type, e.subject,
       e.service, e.unit_type, e.unit, e.tower, e.state, e.since, e.raised_at, e.raises,
       e.acknowledged_by, e.acknowledged_at, e.handed_by, e.handed_at, e.handed_because, e.cleared_at, e.message, e.evidence_schema, e.evidence,
       e.told, e.told_at, e.tell_at, m.until AS muted_until, m.author AS muted_by,
       m.reason AS muted_because, m.created_at AS muted_at
FROM event AS e
JOIN society AS s USING (society_id)
LEFT JOIN event_mute AS m
  ON m.ended_at IS NULL AND m.society_id = e.society_id AND m.kind = e.kind
  AND m.subject_type = e.subject_type AND m.subject = e.subject
WHERE (%(ids)s::uuid[] IS NULL OR e.event_id = ANY (%(ids)s))
  AND (%(society)s::text IS NULL OR s.name = %(society)s)
  AND (%(state)s::text IS NULL OR e.state = %(state)s)
  AND (%(kinds)s::text[] IS NULL OR e.kind = ANY (%(kinds)s))
  AND (%(severity)s::text IS NULL OR e.severity = %(severity)s)
  AND (%(unit)s::text IS NULL OR e.unit = %(unit)s OR e.event_id IN (
    SELECT f.event_id FROM read_failure AS f JOIN assignment AS a USING (meter_id)
    WHERE a.subject = %(unit)s AND f.since >= a.valid_from
      AND (a.valid_to IS NULL OR f.since < a.valid_to)
      AND (e.state <> 'open' OR f.ended_at IS NULL)))
  AND (%(tower)s::text IS NULL OR e.tower = %(tower)s)
  AND (%(about)s::text IS NULL OR e.subject = %(about)s OR e.unit = %(about)s)
ORDER BY e.raised_at DESC, e.event_id
LIMIT %(limit)s
