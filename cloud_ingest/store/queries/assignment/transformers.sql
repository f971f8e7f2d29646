-- SPDX-License-Identifier: MIT
-- What hangs before meters, of those that ever had transformers; the oldest first.
SELECT meter_id, since, ct_ratio, pt_ratio, counts
FROM meter_version
WHERE superseded_at IS NULL AND meter_id IN (
  SELECT meter_id FROM meter_version
  WHERE meter_id = ANY(%s::int[]) AND superseded_at IS NULL AND num_nonnulls(ct_ratio, pt_ratio) > 0
)
ORDER BY meter_id, since NULLS FIRST
