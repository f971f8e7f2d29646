-- SPDX-License-Identifier: MIT
-- Move the bytes of some batches from `batch` to the months of receipt; say how many.
WITH taken AS (
  SELECT gateway_id, received_at, batch_id, evidence FROM batch
  WHERE batch_id = ANY(%(batches)s::bigint[]) AND evidence IS NOT NULL
  ORDER BY batch_id FOR UPDATE
), kept AS (
  INSERT INTO evidence SELECT gateway_id, received_at, batch_id, evidence FROM taken
), moved AS (
  UPDATE batch SET evidence = NULL FROM taken WHERE batch.batch_id = taken.batch_id
)
SELECT count(*) FROM taken
