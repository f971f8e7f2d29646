-- SPDX-License-Identifier: MIT
-- One entry with its bytes: its own, or those of the block or the header of a stored batch.
SELECT q.quarantine_id, q.reason, q.detail, q.gateway, s.name, q.topic, q.batch_id, q.ordinal,
       q.row_indexes, q.first_at, q.last_at, q.times, q.state, q.resolved_at,
       coalesce(q.payload, block.line, batch.header)
FROM quarantine AS q
LEFT JOIN society AS s USING (society_id)
LEFT JOIN block USING (batch_id, ordinal)
LEFT JOIN batch ON batch.batch_id = q.batch_id AND q.ordinal IS NULL
WHERE quarantine_id = %s
