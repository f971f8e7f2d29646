-- SPDX-License-Identifier: MIT
-- Of the links to given batches, those that name another predecessor than the one that is stored.
-- LIMIT 1 of a unique key keeps every plan at one look into the index for each.
SELECT later.batch_id, link.gateway_id, link.stream, link.seq, later.header_hash
FROM unnest(%(gateways)s::int[], %(streams)s::uuid[], %(seqs)s::bigint[])
  AS link (gateway_id, stream, seq)
CROSS JOIN LATERAL (
  SELECT batch_id, header_hash, previous FROM batch
  WHERE gateway_id = link.gateway_id AND stream = link.stream AND seq = link.seq LIMIT 1
) AS later
CROSS JOIN LATERAL (
  SELECT header_hash FROM batch
  WHERE gateway_id = link.gateway_id AND stream = link.stream AND seq = link.seq - 1 LIMIT 1
) AS earlier
WHERE later.previous IS DISTINCT FROM earlier.header_hash
