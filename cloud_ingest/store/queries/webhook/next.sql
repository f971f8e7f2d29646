-- SPDX-License-Identifier: MIT
-- The oldest message that is due, and before which no other of the same flag waits.
SELECT delivery_id, event_id, version, payload, attempts
FROM webhook_delivery AS d JOIN webhook USING (webhook_id)
WHERE url = %(url)s AND active AND due_at <= %(now)s
  AND (answered_at IS NULL OR answered_at <= %(now)s - %(one_each)s::interval)
  AND NOT EXISTS (
    SELECT FROM webhook_delivery AS before
    WHERE before.webhook_id = d.webhook_id AND before.event_id = d.event_id
      AND before.delivery_id < d.delivery_id)
ORDER BY delivery_id
LIMIT 1
