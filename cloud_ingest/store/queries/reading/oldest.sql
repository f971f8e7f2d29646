-- SPDX-License-Identifier: MIT
-- The oldest reading of a window.
SELECT min(ts) FROM reading WHERE ts > %(start)s AND ts <= %(end)s
