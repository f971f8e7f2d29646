-- SPDX-License-Identifier: MIT
-- Note the next key of a gateway. Another one takes its place until it has signed; a key that was
-- taken back, or has signed before, is nobody's successor.
WITH known AS (
  INSERT INTO gateway_key (gateway_id, key_id, public_key)
  VALUES (%(gateway)s, %(successor)s, %(public_key)s)
  ON CONFLICT DO NOTHING
  RETURNING key_id
)
INSERT INTO key_succession (gateway_id, key_id, successor, stream, last_seq, recorded_at)
SELECT %(gateway)s, %(key)s, %(successor)s, %(stream)s, 9223372036854775807, %(at)s
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
