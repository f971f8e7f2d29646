-- SPDX-License-Identifier: MIT
-- Each gateway with what it said last of itself; of one society, or of all. The certificate is the last that was issued.
SELECT gateway.society_id, society.name AS society, gateway.name AS gateway, gateway.tower,
       state, at AS said_at, heard_at, lost_at, payload AS status,
       EXISTS (SELECT FROM gateway_key AS k WHERE k.gateway_id = gateway.gateway_id)
         AND NOT EXISTS (
           SELECT FROM gateway_key AS k
           WHERE k.gateway_id = gateway.gateway_id AND revocation_id IS NULL) AS taken_back,
       (SELECT max(expires_at) FROM gateway_certificate AS c
        WHERE c.gateway_id = gateway.gateway_id) AS issued_until
FROM gateway JOIN society USING (society_id)
LEFT JOIN gateway_status USING (gateway_id)
WHERE coalesce(society.name = %(society)s, true)
ORDER BY society.name, gateway.name
