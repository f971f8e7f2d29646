-- SPDX-License-Identifier: MIT
-- The epochs of channels.
SELECT channel_id, starts_at, offset_raw FROM epoch
WHERE channel_id = ANY(%s::int[])
ORDER BY channel_id, starts_at
