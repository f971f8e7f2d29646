-- SPDX-License-Identifier: MIT
-- The steps from key to key that lead to some keys of gateways, the first one first.
WITH RECURSIVE step AS (
  SELECT key_succession.* FROM key_succession JOIN gateway USING (gateway_id)
  WHERE (name, successor) IN (SELECT * FROM unnest(%(gateways)s::text[], %(keys)s::text[]))
  UNION
  SELECT former.* FROM key_succession AS former
  JOIN step ON step.gateway_id = former.gateway_id AND step.key_id = former.successor
)
SELECT step.gateway_id, step.key_id, public_key AS successor, recorded_at AS received_at
FROM step JOIN gateway_key
  ON gateway_key.gateway_id = step.gateway_id AND gateway_key.key_id = step.successor
ORDER BY recorded_at, step.key_id
