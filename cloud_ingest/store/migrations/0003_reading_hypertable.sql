-- SPDX-License-Identifier: MIT
-- edition: timescale
-- Cut the readings into weeks, and roll them up in continuous aggregates.
-- The microsecond lets the 00:00 read close the day before. The zone is a constant.

SELECT create_hypertable('reading', by_range('ts', INTERVAL '7 days'), create_default_indexes => false);

CREATE MATERIALIZED VIEW reading_day_c
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT channel_id,
       time_bucket('1 day', ts, {zone}, "offset" => INTERVAL '1 microsecond') AS bucket,
       first(raw, ts) AS first_raw,
       last(raw, ts) AS last_raw,
       min(ts) AS min_ts,
       max(ts) AS max_ts,
       count(*) AS count,
       sum(raw) AS sum_raw,
       min(raw) AS min_raw,
       max(raw) AS max_raw
FROM reading
GROUP BY 1, 2
WITH NO DATA;

CREATE MATERIALIZED VIEW reading_month_c
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT channel_id,
       time_bucket('1 month', bucket, {zone}, "offset" => INTERVAL '1 microsecond') AS bucket,
       first(first_raw, min_ts) AS first_raw,
       last(last_raw, max_ts) AS last_raw,
       min(min_ts) AS min_ts,
       max(max_ts) AS max_ts,
       sum(count) AS count,
       sum(sum_raw) AS sum_raw,
       min(min_raw) AS min_raw,
       max(max_raw) AS max_raw
FROM reading_day_c
GROUP BY 1, 2
WITH NO DATA;

CREATE VIEW reading_day AS
SELECT channel_id, (bucket AT TIME ZONE {zone})::date AS day,
       first_raw, last_raw, min_ts, max_ts, count::bigint AS count, sum_raw, min_raw, max_raw
FROM reading_day_c;

CREATE VIEW reading_month AS
SELECT channel_id, (bucket AT TIME ZONE {zone})::date AS month,
       first_raw, last_raw, min_ts, max_ts, count::bigint AS count, sum_raw, min_raw, max_raw
FROM reading_month_c;
