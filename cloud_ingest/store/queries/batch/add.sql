-- SPDX-License-Identifier: MIT
-- Add batches by stream and number, with their bytes; one that is there already stays as it is.
WITH sent AS (
  SELECT *
  FROM unnest(%(gateways)s::int[], %(streams)s::uuid[], %(seqs)s::bigint[], %(hashes)b::bytea[],
              %(previous)s::bytea[], %(evidence)b::bytea[], %(received)s::timestamptz[])
    AS each (gateway_id, stream, seq, header_hash, previous, evidence, received_at)
), made AS (
  INSERT INTO batch (gateway_id, stream, seq, header_hash, previous, received_at)
  SELECT gateway_id, stream, seq, header_hash, previous, received_at FROM sent
  ON CONFLICT (gateway_id, stream, seq) DO NOTHING
  RETURNING gateway_id, stream, seq, batch_id
), kept AS (
  INSERT INTO evidence (gateway_id, received_at, batch_id, evidence)
  SELECT gateway_id, received_at, batch_id, evidence FROM made JOIN sent USING (gateway_id, stream, seq)
)
SELECT gateway_id, stream, seq FROM made
