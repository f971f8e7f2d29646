-- SPDX-License-Identifier: MIT
-- Another id: the store that gave the receipts until now is gone.
UPDATE store SET store_id = gen_random_uuid() RETURNING store_id
