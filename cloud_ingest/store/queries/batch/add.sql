-- SPDX-License-Identifier: MIT
-- Add batches by stream and number; one that is there already stays as it is.
INSERT INTO batch (gateway_id, stream, seq, header_hash, previous, evidence, received_at)
SELECT *
FROM unnest(%(gateways)s::int[], %(streams)s::uuid[], %(seqs)s::bigint[], %(hashes)b::bytea[],
            %(previous)s::bytea[], %(evidence)b::bytea[], %(received)s::timestamptz[])
ON CONFLICT (gateway_id, stream, seq) DO NOTHING
RETURNING gateway_id, stream, seq
