-- SPDX-License-Identifier: MIT
-- Note that a month was closed, or closed again.
INSERT INTO month_close AS c (society_id, month, closed_at, last_closed_at, manifest)
VALUES (%(society_id)s, %(month)s, %(closed_at)s, %(closed_at)s, %(manifest)s)
ON CONFLICT (society_id, month)
DO UPDATE SET last_closed_at = excluded.last_closed_at, manifest = excluded.manifest
