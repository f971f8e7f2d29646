-- SPDX-License-Identifier: MIT
-- edition: apache
-- Cut the readings into weeks where continuous aggregates are not there.

SELECT create_hypertable(
  'reading', by_range('ts', INTERVAL '7 days'), create_default_indexes => false, migrate_data => true
);
