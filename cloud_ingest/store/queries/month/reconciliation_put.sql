-- SPDX-License-Identifier: MIT
-- Keep the newest reconciliation of a tower, service and month.
INSERT INTO month_reconciliation AS r (society_id, month, tower, service, message, closed_at)
VALUES (%(society_id)s, %(month)s, %(tower)s, %(service)s, %(message)s, %(closed_at)s)
ON CONFLICT (society_id, month, tower, service)
DO UPDATE SET message = excluded.message, closed_at = excluded.closed_at
