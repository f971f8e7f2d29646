-- SPDX-License-Identifier: MIT
-- Let the next session have the lock.
SELECT pg_advisory_unlock(%s)
