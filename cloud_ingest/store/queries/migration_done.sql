-- SPDX-License-Identifier: MIT
-- Remember a migration.
INSERT INTO migration (name, checksum) VALUES (%s, %s)
