-- SPDX-License-Identifier: MIT
-- Write what the settings say of a webhook; return it, and whether it was active before.
WITH before AS (SELECT webhook_id FROM webhook WHERE url = %(url)s AND active)
INSERT INTO webhook (url, kinds, societies)
VALUES (%(url)s, %(kinds)s, %(societies)s)
ON CONFLICT (url) DO UPDATE SET
  active = true, kinds = excluded.kinds, societies = excluded.societies
RETURNING webhook_id, EXISTS (SELECT FROM before) AS was_active
