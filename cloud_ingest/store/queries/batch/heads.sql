-- SPDX-License-Identifier: MIT
-- Of some batches of a stream the number and the header's hash, ascending.
-- A number at a time keeps every plan at one look into the index for each.
SELECT head.seq, encode(head.header_hash, 'hex')
FROM unnest(%(seqs)s::bigint[]) AS wanted (seq)
CROSS JOIN LATERAL (
  SELECT seq, header_hash FROM batch
  WHERE gateway_id = %(gateway_id)s AND stream = %(stream)s AND seq = wanted.seq LIMIT 1
) AS head
ORDER BY head.seq
