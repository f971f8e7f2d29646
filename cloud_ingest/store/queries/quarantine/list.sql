-- SPDX-License-Identifier: MIT
-- What is kept apart, newest first, without the bytes.
SELECT q.quarantine_id, q.reason, q.detail, q.gateway, s.name AS society, q.topic, q.batch_id, q.ordinal,
       q.row_indexes, q.first_at, q.last_at, q.times, q.state, q.resolved_at
FROM quarantine AS q LEFT JOIN society AS s USING (society_id)
WHERE (%(state)s::text IS NULL OR q.state = %(state)s)
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND (%(society)s::text IS NULL OR s.name = %(society)s)
ORDER BY q.last_at DESC, q.quarantine_id DESC
LIMIT %(limit)s
