-- SPDX-License-Identifier: MIT
-- All societies by name.
SELECT name FROM society ORDER BY name
