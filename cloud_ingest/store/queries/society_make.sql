-- SPDX-License-Identifier: MIT
-- Add a society.
INSERT INTO society (name) VALUES (%s) ON CONFLICT DO NOTHING
