-- SPDX-License-Identifier: MIT
-- The applied migrations and the hashes of their texts.
SELECT name, checksum FROM migration ORDER BY name
