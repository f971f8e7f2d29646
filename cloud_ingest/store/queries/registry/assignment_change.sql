-- SPDX-License-Identifier: MIT
-- Correct an assignment: its tower, its dates, whether it has a data port.
UPDATE assignment
SET tower = %(tower)s, legacy = %(legacy)s, valid_from = %(valid_from)s, valid_to = %(valid_to)s
WHERE assignment_id = %(assignment_id)s
