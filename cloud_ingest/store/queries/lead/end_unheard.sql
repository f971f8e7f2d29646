-- SPDX-License-Identifier: MIT
-- End the leader's own session if it has asked for nothing for too long; say whether it was.
SELECT coalesce(bool_or(pg_terminate_backend(activity.pid, %(wait_ms)s)), false)
FROM pg_stat_activity AS activity JOIN pg_locks AS held USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.database = activity.datid
  AND activity.datname = current_database()
  AND (held.classid, held.objid, held.objsubid) = (0, %(lead)s, 1)
  AND activity.state <> 'active'
  AND activity.state_change < clock_timestamp() - %(unheard)s::interval
