-- SPDX-License-Identifier: MIT
-- End the sessions that act for other workers; return how many do not end.
SELECT count(*)
FROM (
  SELECT DISTINCT pid FROM pg_locks
  WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid, objsubid) = (%(acting)s, 2) AND objid <> %(worker)s
) AS other
WHERE NOT pg_terminate_backend(pid, %(wait_ms)s)
