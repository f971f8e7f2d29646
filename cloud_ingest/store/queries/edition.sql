-- SPDX-License-Identifier: MIT
-- The installed TimescaleDB, if any, and under which licence the server runs it.
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.license', true)
