-- SPDX-License-Identifier: MIT
-- The store's owner, and the schemas in which a role may make tables, if the role is the service's.
SELECT owner.rolname::text AS owner, owner.rolsuper AS of_superuser,
       ARRAY(
         SELECT nspname::text FROM pg_namespace AS other
         WHERE (other.oid = n.oid OR nspname LIKE '\_timescaledb\_%%')
           AND has_schema_privilege(role.oid, other.oid, 'CREATE')
         ORDER BY 1
       ) AS makes_in
FROM pg_roles AS role
CROSS JOIN pg_namespace AS n
JOIN pg_roles AS owner ON owner.oid = n.nspowner
WHERE role.rolname = %(role)s AND n.nspname = 'metering'
  AND EXISTS (SELECT FROM pg_policy WHERE polname = 'service' AND role.oid = ANY (polroles))
