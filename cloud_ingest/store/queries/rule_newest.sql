-- SPDX-License-Identifier: MIT
-- When anything at all was last heard.
SELECT max(last_reading_at) FROM meter
