-- SPDX-License-Identifier: MIT
-- Take readings that nobody has yet; one that somebody has undoes it.
COPY reading (channel_id, ts, raw, status, origin) FROM STDIN (FORMAT binary)
