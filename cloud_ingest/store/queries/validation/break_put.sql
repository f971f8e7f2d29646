-- SPDX-License-Identifier: MIT
-- Keep where a register breaks; the same break again changes nothing.
INSERT INTO register_break (meter_id, obis, ts, rule, vouched, parameters, neighbours, judged_at)
VALUES (%(meter_id)s, %(obis)s, to_timestamp(%(ts)s), %(rule)s, %(vouched)s, %(parameters)s,
        %(neighbours)s, %(at)s)
ON CONFLICT (meter_id, obis, ts) DO UPDATE
SET rule = excluded.rule, vouched = excluded.vouched, parameters = excluded.parameters,
    neighbours = excluded.neighbours, judged_at = excluded.judged_at
WHERE (register_break.rule, register_break.vouched, register_break.parameters,
       register_break.neighbours)
  IS DISTINCT FROM (excluded.rule, excluded.vouched, excluded.parameters, excluded.neighbours)
