-- SPDX-License-Identifier: MIT
-- Drop the chunks that are older than a time as a whole.
SELECT drop_chunks('metering.reading', older_than => %s::timestamptz)
