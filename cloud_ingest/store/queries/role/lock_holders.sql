-- SPDX-License-Identifier: MIT
-- Sessions of roles beside the owner, the service and us that hold a lock of the store.
SELECT DISTINCT held.pid, activity.usename::text AS role
FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
WHERE held.locktype = 'advisory' AND held.granted
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND CASE held.objsubid WHEN 1 THEN held.objid ELSE held.classid END = ANY (%(locks)s::bigint[]::oid[])
  AND activity.usename <> current_user
  AND activity.usename IS DISTINCT FROM (SELECT service_role FROM store)
  AND activity.usesysid <> (SELECT nspowner FROM pg_namespace WHERE nspname = 'metering')
ORDER BY pid
