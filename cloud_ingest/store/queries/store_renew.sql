-- SPDX-License-Identifier: MIT
-- Another id: the store that gave the receipts until now is gone. Versions go on from the minutes
-- since 1970: the clock alone outlives a restore, and no number is corrected once a minute.
UPDATE store
SET store_id = gen_random_uuid(),
    version_floor = greatest(version_floor + 1, ceil(extract(epoch FROM now()) / 60)::int)
RETURNING store_id
