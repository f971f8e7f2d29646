-- SPDX-License-Identifier: MIT
-- End read failures: the meter was read again, or was removed.
UPDATE read_failure AS f
SET ended_at = %(now)s, other = NULL, other_since = NULL, looked_at = NULL,
    read_at = CASE WHEN m.last_reading_at > f.since THEN m.last_reading_at END,
    outcome = CASE WHEN m.last_reading_at > f.since THEN 'unproved' ELSE 'removed' END
FROM meter AS m
WHERE f.failure_id = ANY(%(ended)s) AND m.meter_id = f.meter_id
