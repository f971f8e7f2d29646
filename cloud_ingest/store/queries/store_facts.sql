-- SPDX-License-Identifier: MIT
-- What a writer must know of the store.
SELECT zone, rollups, to_regproc('metering.make_reading_partition') IS NOT NULL FROM store
