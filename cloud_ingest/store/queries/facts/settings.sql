-- SPDX-License-Identifier: MIT
-- Settings by name, memory in bytes, and where each comes from.
SELECT name,
       CASE WHEN unit IN ('B', 'kB', '8kB', 'MB')
            THEN pg_size_bytes(current_setting(name))::text ELSE setting END AS setting,
       source
FROM pg_settings WHERE name = ANY (%s)
