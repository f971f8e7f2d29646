-- SPDX-License-Identifier: MIT
-- The registers of a code that some marks name, each with the stretch of all its changes.
SELECT channel_id, min(first) AS first, max(last) AS last
FROM rule_mark
CROSS JOIN LATERAL unnest(channels, firsts, lasts) AS own (channel_id, first, last)
JOIN channel USING (channel_id)
WHERE mark_id = ANY(%(marks)s::bigint[]) AND obis = %(obis)s
GROUP BY channel_id
ORDER BY channel_id
