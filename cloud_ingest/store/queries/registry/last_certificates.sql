-- SPDX-License-Identifier: MIT
-- Gateways with a key that was not taken back, whose last certificate ends before a time. What was
-- issued before a revocation does not count.
SELECT gateway.society_id, society.name AS society, gateway.name AS gateway,
       max(expires_at) AS expires_at
FROM gateway_certificate JOIN gateway USING (gateway_id) JOIN society USING (society_id)
WHERE issued_at > coalesce(
        (SELECT max(at) FROM revocation WHERE revocation.gateway_id = gateway.gateway_id),
        '-infinity')
  AND EXISTS (
    SELECT FROM gateway_key
    WHERE gateway_key.gateway_id = gateway.gateway_id AND revocation_id IS NULL)
GROUP BY gateway.society_id, society.name, gateway.name
HAVING max(expires_at) < %(before)s
ORDER BY gateway.name
