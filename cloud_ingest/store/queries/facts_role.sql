-- SPDX-License-Identifier: MIT
-- Who we are, whether we may only read, and what of the store belongs to somebody else.
SELECT current_user::text,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean,
       ARRAY(
         SELECT c.relname::text FROM pg_class AS c
         JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname = 'metering' AND c.relkind IN ('r', 'p', 'v')
           AND NOT pg_has_role(c.relowner, 'USAGE')
         ORDER BY 1)
