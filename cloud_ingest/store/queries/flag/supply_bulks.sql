-- SPDX-License-Identifier: MIT
-- The bulk water meters of some towers now, with what the rules remember of each; null: nothing.
SELECT DISTINCT ON (society_id, tower, meter_id) society_id, tower, state
FROM unnest(%(societies)s::int[], %(towers)s::text[]) AS wanted (society_id, tower)
JOIN assignment AS a USING (society_id, tower)
LEFT JOIN (
  SELECT c.meter_id, s.newest, s.state
  FROM channel AS c JOIN rule_state AS s USING (channel_id)
  WHERE c.obis = %(obis)s AND s.rules = %(rules)s
) AS own USING (meter_id)
WHERE a.subject_type = 'bulk' AND a.service = 'water'
  AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
ORDER BY society_id, tower, meter_id, newest DESC NULLS LAST
