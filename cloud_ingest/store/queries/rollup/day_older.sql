-- SPDX-License-Identifier: MIT
-- Whether days up to one tell of readings that are older than the oldest that is kept.
SELECT EXISTS (
  SELECT FROM reading_day
  WHERE day BETWEEN %(first)s AND %(last)s AND min_ts < %(oldest)s)
