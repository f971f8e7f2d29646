-- SPDX-License-Identifier: MIT
-- How much room evidence takes: its months, those that are over, the rows that stay for ever.
WITH part AS (
  SELECT to_date(right(relname, 7), 'YYYY_MM') AS month, pg_total_relation_size(oid) AS size
  FROM pg_inherits JOIN pg_class ON oid = inhrelid
  WHERE inhparent = 'metering.evidence'::regclass
), done AS (
  SELECT month, size, shortened_at
  FROM part LEFT JOIN evidence_month USING (month)
  WHERE month < (SELECT date_trunc('month', now() AT TIME ZONE zone) FROM store)
)
SELECT (SELECT count(*) FROM part)::int AS months,
       (SELECT coalesce(sum(size), 0) FROM part)::bigint AS bytes_in_months,
       (SELECT count(*) FROM done WHERE shortened_at IS NULL)::int AS whole,
       coalesce((SELECT size FROM done ORDER BY month DESC LIMIT 1), 0) AS newest,
       pg_total_relation_size('metering.batch') AS batches,
       EXISTS (SELECT FROM batch WHERE evidence IS NOT NULL) AS waits,
       (SELECT keep_evidence FROM store) AS keeps
