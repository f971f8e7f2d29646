-- SPDX-License-Identifier: MIT
-- Note the next key of a gateway. Another one takes its place until it has signed, and is its successor
-- too. A key that was taken back, or has signed before, is nobody's successor; one that was taken back
-- names none.
WITH naming AS (
  SELECT FROM gateway_key
  WHERE gateway_id = %(gateway)s AND key_id = %(key)s AND revocation_id IS NULL
), replaced AS (
  SELECT successor FROM key_succession
  WHERE gateway_id = %(gateway)s AND key_id = %(key)s AND successor <> %(successor)s
    AND last_seq = 9223372036854775807
), known AS (
  INSERT INTO gateway_key (gateway_id, key_id, public_key)
  SELECT %(gateway)s, %(successor)s, %(public_key)s FROM naming
  ON CONFLICT DO NOTHING
  RETURNING key_id
), before AS (
  SELECT %(key)s AS key_id
  UNION SELECT successor FROM replaced
  UNION SELECT key_id FROM key_succession JOIN replaced USING (successor)
  WHERE gateway_id = %(gateway)s
)
INSERT INTO key_succession (gateway_id, key_id, successor, stream, last_seq, recorded_at)
SELECT %(gateway)s, before.key_id, %(successor)s, %(stream)s, 9223372036854775807, %(at)s
FROM naming CROSS JOIN before
WHERE EXISTS (SELECT FROM known) OR EXISTS (
  SELECT FROM gateway_key
  WHERE gateway_id = %(gateway)s AND key_id = %(successor)s AND revocation_id IS NULL
    AND NOT EXISTS (
      SELECT FROM key_succession
      WHERE key_succession.gateway_id = %(gateway)s AND key_succession.key_id = %(successor)s)
    AND key_id <> %(key)s)
ON CONFLICT (gateway_id, key_id) DO UPDATE
SET successor = excluded.successor, stream = excluded.stream, recorded_at = excluded.recorded_at
WHERE key_succession.last_seq = 9223372036854775807
