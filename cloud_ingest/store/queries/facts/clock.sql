-- SPDX-License-Identifier: MIT
-- The server's clock.
SELECT clock_timestamp()
