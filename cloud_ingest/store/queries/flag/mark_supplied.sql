-- SPDX-License-Identifier: MIT
-- Let the rules look again at the water registers of a tower, or of a society, that they have judged
-- beyond a time.
WITH own AS (
  SELECT channel_id, s.newest
  FROM assignment AS a
  JOIN channel AS c USING (meter_id)
  JOIN rule_state AS s USING (channel_id)
  WHERE a.society_id = %(society_id)s AND a.service = 'water' AND s.newest >= %(since)s
    AND (%(tower)s::text IS NULL OR a.tower = %(tower)s)
    AND a.subject_type IN ('unit', 'common') AND NOT a.legacy
    AND a.valid_from <= %(now)s AND (a.valid_to IS NULL OR a.valid_to > %(now)s)
), marked AS (
  INSERT INTO rule_mark (channels, firsts, lasts)
  SELECT array_agg(channel_id), array_agg(%(since)s::bigint), array_agg(newest)
  FROM own
  HAVING count(*) > 0
)
SELECT count(*) FROM own
