-- SPDX-License-Identifier: MIT
-- Take the keys of a gateway back that were not before, by one revocation; none where none is left. It
-- counts from now on at the latest: the office's clock may be ahead of that of the ingest.
WITH made AS (
  INSERT INTO revocation (gateway_id, at, author, reason)
  SELECT %(gateway)s, least(%(at)s, now()), %(by)s, %(reason)s
  WHERE EXISTS (
    SELECT FROM gateway_key WHERE gateway_id = %(gateway)s AND revocation_id IS NULL
  )
  RETURNING revocation_id
)
UPDATE gateway_key SET revocation_id = made.revocation_id
FROM made
WHERE gateway_id = %(gateway)s AND gateway_key.revocation_id IS NULL
RETURNING key_id
