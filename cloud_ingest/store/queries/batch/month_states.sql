-- SPDX-License-Identifier: MIT
-- Every month in which something was received, how large that is, and what was done to it.
WITH part AS (
  SELECT to_date(right(relname, 7), 'YYYY_MM') AS month, pg_total_relation_size(oid) AS size,
    pg_relation_size(oid) > 0 AS is_used
  FROM pg_inherits JOIN pg_class ON oid = inhrelid
  WHERE inhparent = 'metering.evidence'::regclass
)
SELECT month, size, shortened_at, archive, archive_sha256, archived_at, restored_at
FROM part LEFT JOIN evidence_month USING (month)
WHERE is_used OR evidence_month.month IS NOT NULL
ORDER BY month
