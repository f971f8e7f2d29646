-- SPDX-License-Identifier: MIT
-- Which of some months of a society are closed.
SELECT month FROM month_close
WHERE society_id = %(society_id)s AND month = ANY(%(months)s::text[])
ORDER BY month
