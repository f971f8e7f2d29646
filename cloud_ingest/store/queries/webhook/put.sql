-- SPDX-License-Identifier: MIT
-- Write what the settings say of a webhook; return it, and whether it was active before.
WITH before AS (SELECT webhook_id FROM webhook WHERE url = %(url)s AND active)
INSERT INTO webhook (url, kinds, societies, messages, severity, quiet_digest)
VALUES (%(url)s, %(kinds)s, %(societies)s, %(messages)s, %(severity)s, %(quiet_digest)s)
ON CONFLICT (url) DO UPDATE SET
  active = true, kinds = excluded.kinds, societies = excluded.societies,
  messages = excluded.messages, severity = excluded.severity,
  quiet_digest = excluded.quiet_digest
RETURNING webhook_id, EXISTS (SELECT FROM before) AS was_active
