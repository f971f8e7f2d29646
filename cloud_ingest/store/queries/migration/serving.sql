-- SPDX-License-Identifier: MIT
-- The versions of the workers that serve this store, and how many there are of each.
SELECT objid::int AS version, count(*)::int AS workers
FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid, objsubid) = (%(serving)s, 2)
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY objid
ORDER BY objid
