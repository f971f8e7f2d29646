-- SPDX-License-Identifier: MIT
-- The marks that wait; those of days that have not come are left on purpose.
SELECT count(*), min(marked_at) FROM dirty
WHERE day <= (SELECT (now() AT TIME ZONE zone)::date FROM store)
