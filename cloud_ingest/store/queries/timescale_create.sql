-- SPDX-License-Identifier: MIT
-- Make TimescaleDB available in this database.
CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA public
