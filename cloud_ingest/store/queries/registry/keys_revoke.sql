-- SPDX-License-Identifier: MIT
-- Take the keys of a gateway back that were not before, by one revocation; none where none is left.
WITH made AS (
  INSERT INTO revocation (gateway_id, at, author, reason)
  SELECT %(gateway)s, %(at)s, %(by)s, %(reason)s
  WHERE EXISTS (
    SELECT FROM gateway_key WHERE gateway_id = %(gateway)s AND revocation_id IS NULL
  )
  RETURNING revocation_id
)
UPDATE gateway_key SET revocation_id = made.revocation_id
FROM made
WHERE gateway_id = %(gateway)s AND gateway_key.revocation_id IS NULL
RETURNING key_id
