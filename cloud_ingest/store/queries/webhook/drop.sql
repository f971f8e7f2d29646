-- SPDX-License-Identifier: MIT
-- Give up what nobody took in time, and count it.
WITH gone AS (
  DELETE FROM webhook_delivery WHERE created_at < %(before)s RETURNING webhook_id
), counted AS (
  SELECT webhook_id, count(*) AS count FROM gone GROUP BY webhook_id
)
UPDATE webhook SET dropped = dropped + counted.count, dropped_at = %(now)s
FROM counted WHERE counted.webhook_id = webhook.webhook_id
RETURNING counted.count
