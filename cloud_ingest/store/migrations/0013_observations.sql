-- SPDX-License-Identifier: MIT
-- What gateways saw of meters stands beside what meters noted themselves.

ALTER TABLE meter_event ADD COLUMN detail jsonb;
COMMENT ON COLUMN meter_event.log IS
  'OBIS code of the log: 0.0.99.98.0-6.255, 0.0.96.10.1.255 for a bit of the status, or 0.65.99.98.0.255 for what the gateway saw';
COMMENT ON COLUMN meter_event.ts IS 'by the meter''s clock; by the gateway''s in its own log';
COMMENT ON COLUMN meter_event.detail IS 'what the gateway saw; null for a meter''s own log';
