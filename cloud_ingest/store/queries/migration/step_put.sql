-- SPDX-License-Identifier: MIT
-- Remember how many statements of a migration without a transaction are done.
INSERT INTO migration_step (name, checksum, done) VALUES (%(name)s, %(checksum)s, %(done)s)
ON CONFLICT (name) DO UPDATE SET done = EXCLUDED.done
