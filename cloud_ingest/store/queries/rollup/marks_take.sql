-- SPDX-License-Identifier: MIT
-- The oldest marks of days that have come, as many as one refresh takes.
SELECT dirty_id, day, channels FROM dirty WHERE day <= %s ORDER BY dirty_id LIMIT %s
