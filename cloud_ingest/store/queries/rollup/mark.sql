-- SPDX-License-Identifier: MIT
-- Mark a day of channels.
INSERT INTO dirty (day, channels) VALUES (%s, %s::int[])
