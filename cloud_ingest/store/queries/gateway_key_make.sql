-- SPDX-License-Identifier: MIT
-- Enrol a key of a gateway; older keys stay, so that its backlog still verifies.
INSERT INTO gateway_key (gateway_id, key_id, public_key)
VALUES (%(gateway_id)s, %(key_id)s, %(public_key)s) ON CONFLICT DO NOTHING
