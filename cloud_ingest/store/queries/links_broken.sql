-- SPDX-License-Identifier: MIT
-- Of the links to given batches, those that name another predecessor than the one that is stored.
SELECT later.batch_id, later.gateway_id, later.stream, later.seq, later.header_hash
FROM unnest(%(gateways)s::int[], %(streams)s::uuid[], %(seqs)s::bigint[])
  AS link (gateway_id, stream, seq)
JOIN batch AS later
  ON later.gateway_id = link.gateway_id AND later.stream = link.stream AND later.seq = link.seq
JOIN batch AS earlier
  ON earlier.gateway_id = link.gateway_id AND earlier.stream = link.stream
 AND earlier.seq = link.seq - 1
WHERE later.previous IS DISTINCT FROM earlier.header_hash
