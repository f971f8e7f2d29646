-- SPDX-License-Identifier: MIT
-- The stored batches of given streams and numbers, with the hashes of their headers.
SELECT batch.gateway_id, batch.stream, batch.seq, batch_id, batch.header_hash
FROM unnest(%(gateways)s::int[], %(streams)s::uuid[], %(seqs)s::bigint[])
  AS wanted (gateway_id, stream, seq)
JOIN batch USING (gateway_id, stream, seq)
