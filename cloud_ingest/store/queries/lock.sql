-- SPDX-License-Identifier: MIT
-- Wait until no other session holds this lock.
SELECT pg_advisory_lock(%s)
