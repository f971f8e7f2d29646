-- SPDX-License-Identifier: MIT
-- Keep why a claim is unsound; the same verdict again changes nothing.
INSERT INTO verdict (channel_id, ts, origin, raw, rule, parameters, neighbours, judged_at)
VALUES (%(channel_id)s, to_timestamp(%(ts)s), %(origin)s, %(raw)s, %(rule)s, %(parameters)s,
        %(neighbours)s, %(at)s)
ON CONFLICT (channel_id, ts, origin, raw) DO UPDATE
SET rule = excluded.rule, parameters = excluded.parameters, neighbours = excluded.neighbours,
    judged_at = excluded.judged_at
WHERE (verdict.rule, verdict.parameters, verdict.neighbours)
  IS DISTINCT FROM (excluded.rule, excluded.parameters, excluded.neighbours)
