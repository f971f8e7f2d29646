-- SPDX-License-Identifier: MIT
-- Raise the line before which no reading is taken; it never sinks.
UPDATE store SET kept_from = greatest(kept_from, %s) RETURNING kept_from
