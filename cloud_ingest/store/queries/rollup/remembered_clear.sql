-- SPDX-License-Identifier: MIT
-- Nothing is remembered any more.
TRUNCATE rollup_said
