-- SPDX-License-Identifier: MIT
-- What is to be sent now: never sent, or sent and not acknowledged for too long.
SELECT outbox_id, topic, payload, retain, ack_key, attempts
FROM outbox
WHERE (published_at IS NULL OR (ack_key IS NOT NULL AND acked_at IS NULL))
  AND NOT (outbox_id = ANY (%(held)s))
  AND (published_at IS NULL
       OR published_at < %(now)s::timestamptz
          - least(%(resend_after)s::interval * power(2, least(attempts, 20) - 1), %(longest)s::interval))
ORDER BY outbox_id
LIMIT %(limit)s
