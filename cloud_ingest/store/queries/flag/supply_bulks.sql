-- SPDX-License-Identifier: MIT
-- The bulk water meters of some towers now, with what the rules remember of each; null: nothing.
SELECT society_id, tower, own.state
FROM unnest(%(societies)s::int[], %(towers)s::text[]) AS wanted (society_id, tower)
JOIN assignment AS a USING (society_id, tower)
LEFT JOIN LATERAL (
  SELECT s.state
  FROM channel AS c JOIN rule_state AS s USING (channel_id)
  WHERE c.meter_id = a.meter_id AND c.obis = %(obis)s AND s.rules = %(rules)s
  ORDER BY s.newest DESC NULLS LAST
  LIMIT 1
) AS own ON true
WHERE a.subject_type = 'bulk' AND a.service = 'water'
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
