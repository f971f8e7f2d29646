-- SPDX-License-Identifier: MIT
-- One entry with its bytes: its own, or those of the block or the header of a stored batch.
SELECT q.quarantine_id, q.reason, q.detail, q.gateway, s.name AS society, q.topic, q.batch_id, q.ordinal,
       q.row_indexes, q.first_at, q.last_at, q.times, q.state, q.resolved_at,
       q.payload, kept.evidence
FROM quarantine AS q
LEFT JOIN society AS s USING (society_id)
LEFT JOIN batch USING (batch_id)
LEFT JOIN batch_evidence AS kept
  ON kept.gateway_id = batch.gateway_id AND kept.received_at = batch.received_at
  AND kept.batch_id = batch.batch_id
WHERE quarantine_id = %s
