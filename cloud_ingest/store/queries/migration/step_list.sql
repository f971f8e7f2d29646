-- SPDX-License-Identifier: MIT
-- The migrations that were begun and are not applied.
SELECT name, checksum, done FROM migration_step
