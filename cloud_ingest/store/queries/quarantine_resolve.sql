-- SPDX-License-Identifier: MIT
-- Close an entry.
UPDATE quarantine SET state = %(state)s, resolved_at = %(now)s
WHERE quarantine_id = %(id)s AND state = 'open'
RETURNING quarantine_id
