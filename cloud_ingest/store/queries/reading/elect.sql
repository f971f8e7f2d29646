-- SPDX-License-Identifier: MIT
-- Write the elected claim into its reading. One key at a time: of a compressed chunk only its
-- segment is opened.
UPDATE reading SET raw = %s, origin = %s, status = %s WHERE channel_id = %s AND ts = %s
