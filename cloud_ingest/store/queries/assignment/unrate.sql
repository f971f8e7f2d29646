-- SPDX-License-Identifier: MIT
-- What was said of a meter from a time on holds no longer.
UPDATE meter_version
SET superseded_at = %(now)s, superseded_order = nextval('entry_order')
FROM meter
WHERE meter.meter_id = meter_version.meter_id AND superseded_at IS NULL
  AND since IS NOT DISTINCT FROM %(since)s AND meter.society_id = %(society_id)s
  AND manufacturer = %(manufacturer)s AND serial = %(serial)s
