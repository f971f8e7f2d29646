-- SPDX-License-Identifier: MIT
-- The rights that the service's role lacks on the store, by kind and object.
WITH
role AS (SELECT oid, rolname FROM pg_roles WHERE rolname = %(role)s),
relation AS (
  SELECT c.oid, c.relname, c.relkind, c.relowner, c.relrowsecurity, c.oid::regclass::text AS name
  FROM pg_class AS c
  WHERE relnamespace = 'metering'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND NOT relispartition
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'i' AND relkind = 'S')
),
wanted (kind, name, privilege, held) AS (
  SELECT 'database', quote_ident(current_database()), privilege,
         has_database_privilege(role.oid, current_database(), privilege)
  FROM role CROSS JOIN unnest('{CONNECT,TEMPORARY}'::text[]) AS privilege
  UNION ALL
  SELECT 'schema', 'metering', 'USAGE', has_schema_privilege(role.oid, 'metering', 'USAGE')
  FROM role
  UNION ALL
  SELECT 'aggregate', name, 'OWNER', pg_has_role(role.oid, relowner, 'USAGE')
  FROM role CROSS JOIN relation
  WHERE relname IN ('reading_day_c', 'reading_month_c')
  UNION ALL
  SELECT 'table', name, privilege, has_table_privilege(role.oid, relation.oid, privilege)
  FROM role CROSS JOIN relation CROSS JOIN LATERAL unnest(CASE
    WHEN relkind = 'v' OR relname IN ('migration', 'store', 'reader_society') THEN '{SELECT}'
    -- what was said and done: nobody but the owner can take it back
    WHEN relname = ANY (%(kept)s)
      THEN '{SELECT,INSERT}'
    ELSE '{SELECT,INSERT,UPDATE,DELETE}'
  END::text[]) AS privilege
  WHERE relkind <> 'S'
  UNION ALL
  SELECT 'table', name, 'UPDATE (' || attname || ')',
         has_column_privilege(role.oid, attrelid, attnum, 'UPDATE')
  FROM role CROSS JOIN relation JOIN pg_attribute ON attrelid = relation.oid
  WHERE relname = 'store' AND attname IN ('keep_months', 'kept_from')
  UNION ALL
  SELECT 'sequence', name, privilege, has_sequence_privilege(role.oid, relation.oid, privilege)
  FROM role CROSS JOIN relation CROSS JOIN unnest('{USAGE,SELECT}'::text[]) AS privilege
  WHERE relkind = 'S'
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, 'EXECUTE', has_function_privilege(role.oid, p.oid, 'EXECUTE')
  FROM role CROSS JOIN pg_proc AS p
  WHERE pronamespace = 'metering'::regnamespace
  UNION ALL
  SELECT 'policy', name, 'ALL', pg_has_role(role.oid, relowner, 'USAGE') OR EXISTS (
    SELECT FROM pg_policy WHERE polrelid = relation.oid AND polcmd = '*' AND role.oid = ANY (polroles))
  FROM role CROSS JOIN relation
  WHERE relrowsecurity
)
SELECT kind, name, privilege FROM wanted WHERE NOT held
ORDER BY kind, name, privilege
