-- SPDX-License-Identifier: MIT
-- Keep the newest register that a gateway could not keep.
INSERT INTO volatile_reading (meter_id, obis, ts, raw, scaler, unit, received_at)
SELECT meter_id, obis, ts, raw, scaler, unit, %(at)s
FROM unnest(%(meters)s::int[], %(codes)s::text[], %(times)s::timestamptz[], %(raws)s::bigint[],
            %(scalers)s::int[], %(units)s::int[]) AS said (meter_id, obis, ts, raw, scaler, unit)
ON CONFLICT (meter_id, obis) DO UPDATE
SET ts = excluded.ts, raw = excluded.raw, scaler = excluded.scaler, unit = excluded.unit,
    received_at = excluded.received_at
WHERE volatile_reading.ts < excluded.ts
