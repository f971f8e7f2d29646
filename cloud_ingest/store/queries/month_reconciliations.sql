-- SPDX-License-Identifier: MIT
-- The reconciliations of a month.
SELECT message FROM month_reconciliation
WHERE society_id = %(society_id)s AND month = %(month)s
