-- SPDX-License-Identifier: MIT
-- What of the store belongs to a role that we are not, and to whom.
SELECT c.relname::text AS name, r.rolname::text AS owner, r.rolsuper AS of_superuser
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_roles AS r ON r.oid = c.relowner
WHERE n.nspname = 'metering' AND c.relkind IN ('r', 'p', 'v')
  AND NOT pg_has_role(c.relowner, 'USAGE')
ORDER BY 1
