-- SPDX-License-Identifier: MIT
-- Keep the answer of a gateway to its own command; the first one stands.
UPDATE command SET outcome = %(outcome)s, result = %(result)s, answered_at = %(at)s
FROM gateway
WHERE command.gateway_id = gateway.gateway_id AND command.command_id = %(id)s
  AND gateway.name = %(gateway)s AND command.outcome IS NULL
RETURNING command.command_id
