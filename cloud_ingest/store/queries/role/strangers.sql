-- SPDX-License-Identifier: MIT
-- Who may look into tables of the store, and is neither its owner nor the service: by a grant, or as
-- a reader that is a member of another role.
SELECT DISTINCT coalesce(granted.rolname::text, 'PUBLIC') AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
LEFT JOIN pg_roles AS granted ON granted.oid = acl.grantee
WHERE nspname = 'metering'
  AND (acl.grantee = 0 OR NOT granted.rolsuper AND NOT pg_has_role(granted.oid, nspowner, 'USAGE')
       AND granted.rolname IS DISTINCT FROM (SELECT service_role FROM store))
UNION
SELECT reader.rolname::text
FROM reader_society JOIN pg_roles AS reader ON reader.rolname = role_name
WHERE has_schema_privilege(reader.oid, 'metering', 'USAGE') OR EXISTS (
  SELECT FROM store JOIN pg_roles ON rolname = service_role
  WHERE pg_has_role(reader.oid, pg_roles.oid, 'MEMBER'))
ORDER BY name
