-- SPDX-License-Identifier: MIT
-- What the store says of itself.
SELECT store_id, zone, rollups FROM store
