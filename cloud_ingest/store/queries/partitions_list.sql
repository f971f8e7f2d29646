-- SPDX-License-Identifier: MIT
-- The months that have a partition of readings.
SELECT to_date(right(relname, 7), 'YYYY_MM')
FROM pg_inherits JOIN pg_class ON oid = inhrelid
WHERE inhparent = 'metering.reading'::regclass
