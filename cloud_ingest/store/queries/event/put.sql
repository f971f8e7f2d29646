-- SPDX-License-Identifier: MIT
-- Write a flag as it is now.
INSERT INTO event (event_id, society_id, kind, severity, subject_type, subject, service, unit_type,
                   unit, tower, state, since, raised_at, raises, acknowledged_by, acknowledged_at,
                   handed_by, handed_at, handed_because, cleared_at, message, evidence_schema, evidence, told, told_at, tell_at)
VALUES (%(id)s, %(society_id)s, %(kind)s, %(severity)s, %(subject_type)s, %(subject)s, %(service)s,
        %(unit_type)s, %(unit)s, %(tower)s, %(state)s, %(since)s, %(raised_at)s, %(raises)s,
        %(acknowledged_by)s, %(acknowledged_at)s, %(handed_by)s, %(handed_at)s, %(handed_because)s,
        %(cleared_at)s, %(message)s,
        %(evidence_schema)s, %(evidence)s, %(told)s, %(told_at)s, %(tell_at)s)
ON CONFLICT (event_id) DO UPDATE SET
  severity = excluded.severity, unit_type = excluded.unit_type, unit = excluded.unit,
  tower = excluded.tower, state = excluded.state, since = excluded.since,
  raises = excluded.raises, acknowledged_by = excluded.acknowledged_by,
  acknowledged_at = excluded.acknowledged_at,
  handed_by = excluded.handed_by, handed_at = excluded.handed_at,
  handed_because = excluded.handed_because, cleared_at = excluded.cleared_at,
  message = excluded.message, evidence_schema = excluded.evidence_schema,
  evidence = excluded.evidence, told = excluded.told, told_at = excluded.told_at,
  tell_at = excluded.tell_at
