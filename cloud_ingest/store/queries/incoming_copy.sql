-- SPDX-License-Identifier: MIT
-- Take the readings of a commit.
COPY incoming (channel_id, ts, raw, status, origin) FROM STDIN (FORMAT binary)
