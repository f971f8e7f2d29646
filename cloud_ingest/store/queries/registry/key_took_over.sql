-- SPDX-License-Identifier: MIT
-- Note up to which number the key before the one of a batch counts. Batches come in any order.
UPDATE key_succession SET stream = %(stream)s, last_seq = %(seq)s - 1
WHERE gateway_id = %(gateway)s AND successor = %(key)s
  AND (last_seq = 9223372036854775807 OR (stream = %(stream)s AND last_seq >= %(seq)s))
