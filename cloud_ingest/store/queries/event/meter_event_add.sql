-- SPDX-License-Identifier: MIT
-- Add events of meters; the same again changes nothing.
INSERT INTO meter_event (meter_id, log, ts, code, detail, received_at)
SELECT DISTINCT ON (meter_id, log, ts, code)
       meter_id, log, to_timestamp(ts), code, detail::jsonb, received_at
FROM unnest(%(meters)s::int[], %(logs)s::text[], %(times)s::float8[], %(codes)s::int[],
            %(details)s::text[], %(received)s::timestamptz[])
     AS new (meter_id, log, ts, code, detail, received_at)
ORDER BY meter_id, log, ts, code, received_at
ON CONFLICT DO NOTHING
