-- SPDX-License-Identifier: MIT
-- Make the last retained word of some topics due again.
WITH last AS (
  SELECT max(outbox_id) AS outbox_id FROM outbox
  WHERE retain AND topic = ANY (%(topics)s) GROUP BY topic
)
UPDATE outbox SET published_at = NULL FROM last WHERE outbox.outbox_id = last.outbox_id
