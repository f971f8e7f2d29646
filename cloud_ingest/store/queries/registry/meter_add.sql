-- SPDX-License-Identifier: MIT
-- Return a meter's id and add it where it is new.
INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, %s, %s)
ON CONFLICT (society_id, manufacturer, serial) DO UPDATE SET serial = excluded.serial
RETURNING meter_id
