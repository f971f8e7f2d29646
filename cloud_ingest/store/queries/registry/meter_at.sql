-- SPDX-License-Identifier: MIT
-- Where a meter served at a time.
SELECT assignment_id, meter_id, subject
FROM assignment JOIN meter USING (meter_id)
WHERE assignment.society_id = %(society_id)s AND manufacturer = %(manufacturer)s
  AND serial = %(serial)s AND service = %(service)s
  AND valid_from <= %(at)s AND (valid_to IS NULL OR valid_to >= %(at)s)
ORDER BY valid_from DESC
LIMIT 1
