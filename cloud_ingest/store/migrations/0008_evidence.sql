-- SPDX-License-Identifier: MIT
-- The evidence of a batch is one piece: its lines as they were sent, compressed by the program.
-- What is here already stays as it is: its first byte tells (store/evidence.py).

ALTER TABLE batch ADD COLUMN evidence bytea;
UPDATE batch SET evidence =
  header || '\x0a'::bytea
  || coalesce((SELECT string_agg(line, '\x0a'::bytea ORDER BY ordinal) || '\x0a'::bytea
               FROM block WHERE block.batch_id = batch.batch_id), ''::bytea)
  || signature;
ALTER TABLE batch
  ALTER COLUMN evidence SET NOT NULL,
  ALTER COLUMN evidence SET STORAGE EXTERNAL,
  DROP COLUMN header,
  DROP COLUMN signature;
COMMENT ON COLUMN batch.evidence IS 'the bytes as they came: zlib, or plain where they begin with {';
DROP TABLE block;
