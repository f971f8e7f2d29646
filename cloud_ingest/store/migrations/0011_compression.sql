-- SPDX-License-Identifier: MIT
-- edition: timescale
-- Old chunks are kept by channel, in the order of time. When, the service decides (store/upkeep.py).

ALTER TABLE reading SET (
  timescaledb.compress,
  timescaledb.compress_segmentby = 'channel_id',
  timescaledb.compress_orderby = 'ts'
);
