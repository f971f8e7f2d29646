-- SPDX-License-Identifier: MIT
-- Move the time of the newest reading of meters, and who read it, in the order of their ids.
WITH heard AS (
  SELECT * FROM unnest(%(meters)s::int[], %(times)s::float8[], %(gateways)s::int[])
    AS heard (meter_id, seconds, gateway_id)
), locked AS (
  SELECT meter_id, to_timestamp(seconds) AS at, heard.gateway_id
  FROM meter JOIN heard USING (meter_id)
  WHERE last_reading_at IS NULL OR last_reading_at < to_timestamp(seconds)
  ORDER BY meter_id
  FOR NO KEY UPDATE OF meter
)
UPDATE meter
SET last_reading_at = greatest(last_reading_at, locked.at), gateway_id = locked.gateway_id
FROM locked WHERE meter.meter_id = locked.meter_id
