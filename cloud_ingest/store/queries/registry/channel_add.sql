-- SPDX-License-Identifier: MIT
-- Add a channel; another worker may just have done so.
INSERT INTO channel (meter_id, obis, unit, scaler, weight, kind, period_s)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
