-- SPDX-License-Identifier: MIT
-- edition: timescale
-- Days and months of a stretch of time, so that only its chunks are read: through the date of the
-- views no chunk could be left out. PostgreSQL takes the body into the query that calls it.
-- Rollups show what was refreshed, as they do on the other edition: the refresh follows each commit,
-- and to add what came since, every look at a month would scan the newest readings.

ALTER MATERIALIZED VIEW reading_day_c SET (timescaledb.materialized_only = true);
ALTER MATERIALIZED VIEW reading_month_c SET (timescaledb.materialized_only = true);

CREATE FUNCTION days_between(first_day date, last_day date) RETURNS SETOF reading_day
LANGUAGE sql STABLE AS $$
SELECT channel_id, (bucket AT TIME ZONE {zone})::date,
       first_raw, last_raw, min_ts, max_ts, count::bigint, sum_raw, min_raw, max_raw
FROM reading_day_c
WHERE bucket >= (first_day::timestamp + INTERVAL '1 microsecond') AT TIME ZONE {zone}
  AND bucket <= (last_day::timestamp + INTERVAL '1 microsecond') AT TIME ZONE {zone}
$$;

CREATE FUNCTION months_between(first_month date, last_month date) RETURNS SETOF reading_month
LANGUAGE sql STABLE AS $$
SELECT channel_id, (bucket AT TIME ZONE {zone})::date,
       first_raw, last_raw, min_ts, max_ts, count::bigint, sum_raw, min_raw, max_raw
FROM reading_month_c
WHERE bucket >= (first_month::timestamp + INTERVAL '1 microsecond') AT TIME ZONE {zone}
  AND bucket <= (last_month::timestamp + INTERVAL '1 microsecond') AT TIME ZONE {zone}
$$;
