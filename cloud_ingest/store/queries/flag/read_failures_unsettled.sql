-- SPDX-License-Identifier: MIT
-- Read failures that are over, whose readings may still come late: those not looked at for longest.
SELECT f.failure_id, f.meter_id, f.since, f.read_at, f.outcome, f.event_id,
       f.looked_at
FROM read_failure AS f
WHERE f.outcome IN ('dry', 'used', 'unproved') AND f.ended_at > %(since)s AND f.ever_read
ORDER BY f.looked_at NULLS FIRST
LIMIT %(limit)s
