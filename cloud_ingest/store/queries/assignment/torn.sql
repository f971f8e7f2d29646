-- SPDX-License-Identifier: MIT
-- Subjects that stand in two towers at the same time: stored before towers told subjects apart.
SELECT DISTINCT society.name AS society, one.subject, one.tower AS first, other.tower AS second
FROM assignment AS one
JOIN assignment AS other USING (society_id, subject_type, subject)
JOIN society USING (society_id)
WHERE one.tower < other.tower
  AND tstzrange(one.valid_from, one.valid_to) && tstzrange(other.valid_from, other.valid_to)
ORDER BY 1, 2, 3, 4
