-- SPDX-License-Identifier: MIT
-- Whether the session still lives.
SELECT 1
