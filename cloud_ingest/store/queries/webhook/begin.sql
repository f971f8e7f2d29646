-- SPDX-License-Identifier: MIT
-- Put the open flags into the queue of a webhook that is new.
INSERT INTO webhook_delivery (webhook_id, event_id, version, payload, created_at, due_at)
SELECT webhook_id, event_id, coalesce((told ->> 'version')::int, 1),
       convert_to(told::text, 'UTF8'), %(now)s, %(now)s
FROM event JOIN society USING (society_id), webhook
WHERE webhook_id = %(webhook_id)s AND told ->> 'state' = 'open' AND 'events' = ANY (messages)
  AND url NOT LIKE 'mailto:%%' -- a digest tells a mailbox what is open
  AND (kinds IS NULL OR kind = ANY (kinds))
  AND (societies IS NULL OR society.name = ANY (societies))
ORDER BY raised_at, event_id
