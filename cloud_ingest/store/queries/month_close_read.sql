-- SPDX-License-Identifier: MIT
-- The manifest of a closed month.
SELECT manifest FROM month_close WHERE society_id = %(society_id)s AND month = %(month)s
