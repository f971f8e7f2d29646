-- SPDX-License-Identifier: MIT
-- Set how many closed months of readings are kept.
UPDATE store SET keep_months = %s
