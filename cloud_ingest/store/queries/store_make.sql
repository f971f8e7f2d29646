-- SPDX-License-Identifier: MIT
-- Fix the zone and the kind of rollups, with the first migration.
INSERT INTO store (zone, rollups) VALUES (%(zone)s, %(rollups)s) ON CONFLICT DO NOTHING
