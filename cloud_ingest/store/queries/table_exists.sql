-- SPDX-License-Identifier: MIT
-- Whether a table of the schema is there.
SELECT to_regclass('metering.' || quote_ident(%s)) IS NOT NULL
