-- SPDX-License-Identifier: MIT
-- The back-fills that the store itself asked a society's gateways for, with their answers.
SELECT payload, outcome, result
FROM command JOIN gateway USING (gateway_id)
WHERE gateway.society_id = %(society_id)s AND kind = 'backfill' AND issued_by = %(by)s
  AND issued_at >= %(since)s
ORDER BY issued_at, command_id
