-- SPDX-License-Identifier: MIT
-- Where a stored chain does not hold: a receipt names each such place by the hash before it, so that
-- a gateway whose key and spool another one uses forgets only what is stored as it was sent.

CREATE TABLE stream_break (
  gateway_id int NOT NULL REFERENCES gateway,
  stream uuid NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (gateway_id, stream, seq)
);
COMMENT ON TABLE stream_break IS 'stored batches that name another predecessor than the stored one';
INSERT INTO stream_break
SELECT DISTINCT batch.gateway_id, batch.stream, batch.seq
FROM quarantine JOIN batch USING (batch_id)
WHERE reason = 'broken_link';
COMMENT ON COLUMN outbox.attempts IS 'how often it was handed to the broker, where an answer is awaited';
