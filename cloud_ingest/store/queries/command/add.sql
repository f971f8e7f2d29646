-- SPDX-License-Identifier: MIT
-- Keep a command; nothing where no gateway of this society has this name.
INSERT INTO command (command_id, gateway_id, kind, payload, issued_by, issued_at, expires_at)
SELECT %(id)s, gateway_id, %(kind)s, %(payload)s, %(by)s, %(issued_at)s, %(expires_at)s
FROM gateway JOIN society USING (society_id)
WHERE gateway.name = %(gateway)s AND society.name = %(society)s
RETURNING command_id
