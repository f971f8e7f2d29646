-- SPDX-License-Identifier: MIT
-- One entry with its bytes: its own, or those of the block or the header of a stored batch.
SELECT q.quarantine_id, q.reason, q.detail, q.gateway, s.name AS society, q.topic, q.batch_id, q.ordinal,
       q.row_indexes, q.first_at, q.last_at, q.times, q.state, q.resolved_at,
       q.payload, batch.evidence
FROM quarantine AS q
LEFT JOIN society AS s USING (society_id)
LEFT JOIN batch USING (batch_id)
WHERE quarantine_id = %s
