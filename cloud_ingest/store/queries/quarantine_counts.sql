-- SPDX-License-Identifier: MIT
-- How much is open, by reason.
SELECT reason, count(*) FROM quarantine WHERE state = 'open' GROUP BY reason ORDER BY reason
