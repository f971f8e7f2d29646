-- SPDX-License-Identifier: MIT
-- The units (or common areas, or bulk meters) of a society that have a service.
SELECT DISTINCT subject FROM assignment
WHERE society_id = %(society_id)s AND subject_type = %(subject_type)s AND service = %(service)s
ORDER BY subject
