-- SPDX-License-Identifier: MIT
-- Queue messages for a webhook once more, in this order, but what waits for it already.
INSERT INTO webhook_delivery (webhook_id, event_id, version, payload, created_at, due_at)
SELECT webhook_id, md5(topic)::uuid, version, payload, %(now)s, %(now)s
FROM webhook
CROSS JOIN unnest(%(topics)s::text[], %(versions)s::int[], %(payloads)s::bytea[])
  WITH ORDINALITY AS again (topic, version, payload, place)
WHERE url = %(url)s AND active AND NOT EXISTS (
  SELECT FROM webhook_delivery AS d
  WHERE d.webhook_id = webhook.webhook_id AND d.event_id = md5(topic)::uuid
    AND d.version = again.version AND d.payload = again.payload)
ORDER BY place
