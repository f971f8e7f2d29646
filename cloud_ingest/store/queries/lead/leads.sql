-- SPDX-License-Identifier: MIT
-- Whether the session that holds the lead is one of this worker's.
SELECT EXISTS (
  SELECT FROM pg_locks AS lead JOIN pg_locks AS acting USING (pid, database, locktype)
  WHERE locktype = 'advisory' AND lead.granted AND acting.granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (lead.classid, lead.objid, lead.objsubid) = (0, %(lead)s, 1)
    AND (acting.classid, acting.objid, acting.objsubid) = (%(acting)s, %(worker)s, 2)
)
