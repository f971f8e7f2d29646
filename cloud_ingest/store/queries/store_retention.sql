-- SPDX-License-Identifier: MIT
-- How many closed months of readings are kept, from when on they are, and in which zone that is told.
SELECT keep_months, kept_from, zone FROM store
