-- SPDX-License-Identifier: MIT
-- The units of a society that have a service.
SELECT DISTINCT subject FROM assignment
WHERE society_id = %(society_id)s AND subject_type = 'unit' AND service = %(service)s
ORDER BY subject
