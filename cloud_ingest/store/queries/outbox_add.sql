-- SPDX-License-Identifier: MIT
-- Put a message into the outbox; it leaves after the commit.
INSERT INTO outbox (topic, payload, retain, ack_key)
VALUES (%(topic)s, %(payload)s, %(retain)s, %(ack_key)s)
RETURNING outbox_id
