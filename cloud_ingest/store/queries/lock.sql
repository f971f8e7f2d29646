-- SPDX-License-Identifier: MIT
-- Take a lock unless another session holds it.
SELECT pg_try_advisory_lock(%s)
