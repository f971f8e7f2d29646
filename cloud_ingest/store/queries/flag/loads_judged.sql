-- SPDX-License-Identifier: MIT
-- Note that a day of meters was judged; what has changed since they were looked at stays noted.
WITH judged AS (
  SELECT * FROM unnest(%(meters)s::int[], %(changes)s::bigint[]) AS judged (meter_id, seen)
), ended AS (
  DELETE FROM load_change AS l USING judged
  WHERE l.meter_id = judged.meter_id AND l.times = judged.seen
), locked AS (
  SELECT meter_id FROM meter JOIN judged USING (meter_id)
  ORDER BY meter_id
  FOR NO KEY UPDATE OF meter
)
UPDATE meter SET load_judged = %(day)s FROM locked WHERE meter.meter_id = locked.meter_id
