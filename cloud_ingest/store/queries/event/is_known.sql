-- SPDX-License-Identifier: MIT
-- Whether a society has, or had, something of that label.
SELECT EXISTS (
  SELECT FROM assignment
  WHERE society_id = %(society_id)s
    AND (subject_type = %(type)s AND subject = %(id)s OR %(type)s = 'tower' AND tower = %(id)s)
) OR EXISTS (
  SELECT FROM gateway WHERE society_id = %(society_id)s AND %(type)s = 'gateway' AND name = %(id)s
)
