-- SPDX-License-Identifier: MIT
-- Forget what was sent long ago and is neither awaited nor the last word of a retained topic.
DELETE FROM outbox AS old
WHERE published_at < %(before)s
  AND (ack_key IS NULL OR acked_at IS NOT NULL)
  AND NOT (retain AND octet_length(payload) > 0 AND NOT EXISTS (
    SELECT FROM outbox AS newer
    WHERE newer.topic = old.topic AND newer.retain AND newer.outbox_id > old.outbox_id))
