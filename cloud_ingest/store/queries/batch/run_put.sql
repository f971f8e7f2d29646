-- SPDX-License-Identifier: MIT
-- Remember the longest stored run of a stream; committed batches never go.
INSERT INTO stream_range (gateway_id, stream, first_seq, last_seq)
VALUES (%(gateway_id)s, %(stream)s, %(first)s, %(last)s)
ON CONFLICT (gateway_id, stream)
DO UPDATE SET first_seq = excluded.first_seq, last_seq = excluded.last_seq
