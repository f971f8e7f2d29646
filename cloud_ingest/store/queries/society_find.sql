-- SPDX-License-Identifier: MIT
-- The society of a name.
SELECT society_id FROM society WHERE name = %s
