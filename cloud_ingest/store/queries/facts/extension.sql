-- SPDX-License-Identifier: MIT
-- TimescaleDB: in this database, as files of the server, in the server's memory; its licence.
-- An ordinary user does not see shared_preload_libraries, but the settings of what is loaded.
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS installed,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS available,
       EXISTS (
         SELECT FROM pg_settings
         WHERE name = 'shared_preload_libraries' AND setting ~ '(^|[ ,"])timescaledb($|[ ,"])'
            OR name LIKE 'timescaledb.%') AS preloaded,
       current_setting('timescaledb.license', true) AS license
