-- SPDX-License-Identifier: MIT
-- Enrol a gateway, or correct its tower.
INSERT INTO gateway (name, society_id, tower) VALUES (%(name)s, %(society_id)s, %(tower)s)
ON CONFLICT (name) DO UPDATE SET tower = coalesce(excluded.tower, gateway.tower)
RETURNING gateway_id
