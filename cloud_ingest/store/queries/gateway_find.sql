-- SPDX-License-Identifier: MIT
-- A gateway of a name and its society.
SELECT gateway_id, society.society_id, society.name
FROM gateway JOIN society USING (society_id) WHERE gateway.name = %s
