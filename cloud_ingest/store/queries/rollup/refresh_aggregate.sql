-- SPDX-License-Identifier: MIT
-- Materialise a window of a continuous aggregate; it must not cut a bucket.
CALL refresh_continuous_aggregate(
  %(name)s::regclass, %(start)s::timestamptz, %(end)s::timestamptz, force => %(force)s)
