-- SPDX-License-Identifier: MIT
-- Send again what a broker that forgot everything should retain: the last word of each topic.
WITH last AS (
  SELECT DISTINCT ON (topic) outbox_id, payload, published_at
  FROM outbox WHERE retain ORDER BY topic, outbox_id DESC
)
UPDATE outbox SET published_at = NULL
FROM last
WHERE outbox.outbox_id = last.outbox_id
  AND last.published_at IS NOT NULL AND octet_length(last.payload) > 0
