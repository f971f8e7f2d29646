-- SPDX-License-Identifier: MIT
-- Who we are, and whether we may only read.
SELECT current_user::text,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean
