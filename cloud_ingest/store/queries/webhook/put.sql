-- SPDX-License-Identifier: MIT
-- Write what the settings say of a webhook; return it, and whether it was active before.
WITH before AS (SELECT webhook_id FROM webhook WHERE url = %(url)s AND active)
INSERT INTO webhook (url, kinds, societies, messages)
VALUES (%(url)s, %(kinds)s, %(societies)s, %(messages)s)
ON CONFLICT (url) DO UPDATE SET
  active = true, kinds = excluded.kinds, societies = excluded.societies,
  messages = excluded.messages
RETURNING webhook_id, EXISTS (SELECT FROM before) AS was_active
