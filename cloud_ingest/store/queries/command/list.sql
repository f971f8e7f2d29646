-- SPDX-License-Identifier: MIT
-- The newest commands of a society, with their answers.
SELECT command_id, gateway.name AS gateway, kind, issued_by, issued_at, expires_at, outcome, result,
       answered_at
FROM command JOIN gateway USING (gateway_id) JOIN society USING (society_id)
WHERE society.name = %(society)s AND (%(id)s::uuid IS NULL OR command_id = %(id)s)
ORDER BY issued_at DESC, command_id
LIMIT %(limit)s
