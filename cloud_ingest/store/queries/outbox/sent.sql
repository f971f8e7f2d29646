-- SPDX-License-Identifier: MIT
-- How far the numbers of a month have got: handed to the broker, acknowledged.
SELECT ack_key, published_at, acked_at FROM outbox WHERE ack_key = ANY(%s::text[])
