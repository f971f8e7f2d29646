-- SPDX-License-Identifier: MIT
-- Whether the server knows a zone, spelt exactly so.
SELECT name FROM pg_timezone_names WHERE name = %s
