-- SPDX-License-Identifier: MIT
-- Roles that were granted a table with row security, and are neither the owner, the service nor a reader.
SELECT DISTINCT granted.rolname::text
FROM pg_class AS c
CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
JOIN pg_roles AS granted ON granted.oid = acl.grantee
WHERE c.relnamespace = 'metering'::regnamespace AND c.relrowsecurity
  AND NOT granted.rolsuper AND NOT granted.rolbypassrls AND NOT pg_has_role(granted.oid, c.relowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND granted.oid = ANY (polroles))
  AND NOT EXISTS (SELECT FROM reader_society WHERE role_name = granted.rolname)
ORDER BY 1
