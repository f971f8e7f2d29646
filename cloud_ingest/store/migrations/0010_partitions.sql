-- SPDX-License-Identifier: MIT
-- edition: plain
-- Cut the readings into partitions that are the society's months, to the microsecond: the 00:00
-- read closes the month.

DO $$
DECLARE
  month date;
BEGIN
  ALTER TABLE reading RENAME TO reading_before;
  ALTER TABLE reading_before RENAME CONSTRAINT reading_pkey TO reading_before_pkey;
  ALTER INDEX reading_by_hand RENAME TO reading_before_by_hand;
  CREATE TABLE reading (LIKE reading_before INCLUDING CONSTRAINTS INCLUDING COMMENTS,
                        PRIMARY KEY (channel_id, ts)) PARTITION BY RANGE (ts);
  CREATE INDEX reading_by_hand ON reading (channel_id, ts) WHERE origin <> 1;

  -- Attaching takes a lighter lock on the parent than CREATE … PARTITION OF.
  CREATE FUNCTION make_reading_partition(month date) RETURNS void LANGUAGE plpgsql AS $make$
  DECLARE
    name text := 'reading_' || to_char(month, 'YYYY_MM');
    zone text := (SELECT store.zone FROM store);
  BEGIN
    PERFORM pg_advisory_xact_lock(1769960535);
    IF to_regclass('metering.' || name) IS NOT NULL THEN
      RETURN;
    END IF;
    EXECUTE format('CREATE TABLE metering.%I (LIKE metering.reading INCLUDING ALL EXCLUDING COMMENTS)',
                   name);
    EXECUTE format(
      'ALTER TABLE metering.reading ATTACH PARTITION metering.%I FOR VALUES FROM (%L) TO (%L)', name,
      (month::timestamp AT TIME ZONE zone) + INTERVAL '1 microsecond',
      ((month + INTERVAL '1 month')::timestamp AT TIME ZONE zone) + INTERVAL '1 microsecond');
  END
  $make$;
  COMMENT ON FUNCTION make_reading_partition IS 'make the partition of the month that begins on this day';

  FOR month IN
    SELECT DISTINCT date_trunc('month', (ts - INTERVAL '1 microsecond') AT TIME ZONE {zone})::date
    FROM reading_before
  LOOP
    PERFORM make_reading_partition(month);
  END LOOP;
  INSERT INTO reading SELECT * FROM reading_before;
  DROP TABLE reading_before;
END
$$;
