-- SPDX-License-Identifier: MIT
-- The epochs of channels: of each moment what was recorded last.
SELECT DISTINCT ON (channel_id, starts_at) channel_id, starts_at, offset_raw FROM epoch
WHERE channel_id = ANY(%s::int[])
ORDER BY channel_id, starts_at, recorded_at DESC
