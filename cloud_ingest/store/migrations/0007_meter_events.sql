-- SPDX-License-Identifier: MIT
-- What meters noted in their own event logs.

CREATE TABLE meter_event (
  meter_id int NOT NULL REFERENCES meter,
  log text NOT NULL,
  ts timestamptz NOT NULL,
  code int NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (meter_id, log, ts, code)
);
CREATE INDEX meter_event_time ON meter_event (ts);
COMMENT ON COLUMN meter_event.log IS
  'OBIS code of the log: 0.0.99.98.0-6.255, or 0.0.96.10.1.255 for a bit of the status';
COMMENT ON COLUMN meter_event.ts IS 'by the meter''s clock';
COMMENT ON COLUMN meter_event.code IS 'as the meter gives it; what the log captured with it is in block';
