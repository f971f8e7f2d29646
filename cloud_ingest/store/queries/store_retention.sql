-- SPDX-License-Identifier: MIT
-- How many closed months of readings are kept, and from when on they are.
SELECT keep_months, kept_from FROM store
