-- SPDX-License-Identifier: MIT
-- Whether CREATE EXTENSION timescaledb would work: preloaded, and its files are there.
-- An ordinary user does not see shared_preload_libraries, but the settings of what is loaded.
SELECT EXISTS (
    SELECT FROM pg_settings
    WHERE name = 'shared_preload_libraries' AND setting ~ '(^|[ ,"])timescaledb($|[ ,"])'
       OR name LIKE 'timescaledb.%')
  AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
