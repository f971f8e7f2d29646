-- SPDX-License-Identifier: MIT
-- Take the lines of new batches.
COPY block (batch_id, ordinal, meter_id, line) FROM STDIN (FORMAT binary)
