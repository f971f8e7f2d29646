-- SPDX-License-Identifier: MIT
-- The consumer has these: they are not sent again.
UPDATE outbox SET acked_at = %(now)s
WHERE ack_key = ANY (%(keys)s) AND acked_at IS NULL
