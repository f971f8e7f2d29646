-- SPDX-License-Identifier: MIT
-- What enrolled gateways brought since an hour began.
SELECT q.gateway_id, g.name AS gateway, g.society_id, s.name AS society, q.quota, q.hour, q.used
FROM quota_use AS q JOIN gateway AS g USING (gateway_id) JOIN society AS s USING (society_id)
WHERE q.hour >= %(since)s
ORDER BY q.gateway_id, q.quota, q.hour
