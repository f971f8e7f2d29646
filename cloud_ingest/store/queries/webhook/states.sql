-- SPDX-License-Identifier: MIT
-- How each webhook does.
SELECT url, waiting, oldest, delivered, dropped, dropped_at, answered_at, failed_at, failure,
       ARRAY(SELECT unnest(societies) EXCEPT SELECT name FROM society ORDER BY 1) AS unknown
FROM webhook CROSS JOIN LATERAL (
  SELECT count(*) AS waiting, min(created_at) AS oldest
  FROM webhook_delivery AS d WHERE d.webhook_id = webhook.webhook_id
) AS queue
WHERE active
ORDER BY webhook_id
