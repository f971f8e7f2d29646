-- SPDX-License-Identifier: MIT
-- Make the partition of a month where it is not there.
SELECT make_reading_partition(%s)
