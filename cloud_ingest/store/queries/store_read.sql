-- SPDX-License-Identifier: MIT
-- What the store says of itself. Read as JSON, because a store of an older version has no line
-- from which on readings are kept.
SELECT store_id, zone, rollups, (to_jsonb(store) ->> 'kept_from')::timestamptz FROM store
