-- SPDX-License-Identifier: MIT
-- Put a message into the queue of each webhook that wants it.
INSERT INTO webhook_delivery (webhook_id, event_id, version, payload, created_at, due_at)
SELECT webhook_id, %(id)s, %(version)s, %(payload)s, %(now)s, %(now)s
FROM webhook
WHERE active AND 'events' = ANY (messages)
  AND (severity IS NULL OR severity = %(severity)s)
  AND (kinds IS NULL OR %(kind)s = ANY (kinds))
  AND (societies IS NULL OR %(society)s = ANY (societies))
