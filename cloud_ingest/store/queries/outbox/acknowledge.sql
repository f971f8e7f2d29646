-- SPDX-License-Identifier: MIT
-- Note an acknowledgement, the last key, and with it the earlier versions that left; none where it did not leave.
UPDATE outbox SET acked_at = %(now)s
WHERE ack_key = ANY (%(keys)s::text[]) AND acked_at IS NULL AND attempts > 0
  AND EXISTS (
    SELECT FROM outbox AS named
    WHERE named.ack_key = (%(keys)s::text[])[array_upper(%(keys)s::text[], 1)] AND named.attempts > 0)
