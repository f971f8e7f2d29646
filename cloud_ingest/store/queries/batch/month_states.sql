-- SPDX-License-Identifier: MIT
-- Every month that has a part of evidence, how large that is, and what was done to it.
WITH part AS (
  SELECT to_date(right(relname, 7), 'YYYY_MM') AS month, pg_total_relation_size(oid) AS size
  FROM pg_inherits JOIN pg_class ON oid = inhrelid
  WHERE inhparent = 'metering.evidence'::regclass
)
SELECT month, size, shortened_at, archive, archive_sha256, archived_at, restored_at
FROM part LEFT JOIN evidence_month USING (month)
ORDER BY month
