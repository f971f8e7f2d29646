-- SPDX-License-Identifier: MIT
-- What the status of meters began and ended is looked up over a year; of their logs a week.

CREATE INDEX meter_event_status ON meter_event (ts) WHERE log = '0.0.96.10.1.255';
