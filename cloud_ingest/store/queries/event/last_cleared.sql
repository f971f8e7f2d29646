-- SPDX-License-Identifier: MIT
-- When the newest flag of each key was cleared, but for those that rest on some rules or on none.
SELECT k.number, max(e.cleared_at)
FROM unnest(%(societies)s::int[], %(types)s::text[], %(subjects)s::text[], %(services)s::text[])
  WITH ORDINALITY AS k (society_id, subject_type, subject, service, number)
JOIN event AS e USING (society_id, subject_type, subject, service)
WHERE e.kind = ANY (%(kinds)s) AND e.state = 'cleared'
  AND e.evidence ->> 'rule' <> ALL (%(rules)s)
GROUP BY k.number
