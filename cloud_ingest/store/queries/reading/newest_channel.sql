-- SPDX-License-Identifier: MIT
-- Of channels, the one with the newest reading.
SELECT channel_id FROM unnest(%s::int[]) AS own (channel_id)
LEFT JOIN LATERAL (SELECT ts FROM reading WHERE reading.channel_id = own.channel_id
                   ORDER BY ts DESC LIMIT 1) AS newest ON true
ORDER BY newest.ts DESC NULLS LAST, channel_id DESC
LIMIT 1
