-- SPDX-License-Identifier: MIT
-- TimescaleDB's policies on the tables and aggregates of the store, and how each ended last.
SELECT job.job_id, job.proc_name::text AS kind,
       coalesce(view.view_name, job.hypertable_name)::text AS "table",
       job.scheduled, coalesce(stats.last_run_status = 'Failed', false) AS failed
FROM timescaledb_information.jobs AS job
LEFT JOIN timescaledb_information.job_stats AS stats USING (job_id)
LEFT JOIN timescaledb_information.continuous_aggregates AS view
  ON (view.materialization_hypertable_schema, view.materialization_hypertable_name)
   = (job.hypertable_schema, job.hypertable_name)
WHERE 'metering' IN (job.hypertable_schema, view.view_schema)
ORDER BY job.job_id
