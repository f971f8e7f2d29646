-- SPDX-License-Identifier: MIT
-- Evidence lies in months of receipt, so that an old month can be shortened, archived or put on
-- another disk. `batch` keeps what receipts, links and repeated batches are looked up by. What it
-- holds of evidence already the service moves piece by piece (store/evidence_months.py).

CREATE TABLE evidence (
  gateway_id int NOT NULL,
  received_at timestamptz NOT NULL,
  batch_id bigint NOT NULL,
  evidence bytea NOT NULL,
  PRIMARY KEY (gateway_id, received_at, batch_id)
) PARTITION BY RANGE (received_at);
ALTER TABLE evidence ALTER COLUMN evidence SET STORAGE EXTERNAL;
COMMENT ON TABLE evidence IS 'the bytes of batches, by the society''s month of receipt';
COMMENT ON COLUMN evidence.evidence IS
  'the bytes as they came: zlib, or plain where they begin with {; without some blocks where they begin with 0';

CREATE TABLE evidence_anew (LIKE evidence INCLUDING ALL EXCLUDING COMMENTS) PARTITION BY RANGE (received_at);
COMMENT ON TABLE evidence_anew IS 'months that are being written anew, until they take the place of their part of evidence';

ALTER TABLE batch ALTER COLUMN evidence DROP NOT NULL;
COMMENT ON COLUMN batch.evidence IS 'null: its bytes lie in evidence';
CREATE INDEX batch_to_move ON batch (gateway_id, received_at) WHERE evidence IS NOT NULL;

CREATE VIEW batch_evidence AS
SELECT gateway_id, received_at, batch_id, evidence FROM evidence
UNION ALL
SELECT gateway_id, received_at, batch_id, evidence FROM batch WHERE evidence IS NOT NULL;
COMMENT ON VIEW batch_evidence IS 'the bytes of every batch, also of those that are not moved yet';

CREATE TABLE evidence_month (
  month date PRIMARY KEY,
  shortened_at timestamptz,
  archive text,
  archive_sha256 bytea,
  archived_at timestamptz,
  restored_at timestamptz,
  CHECK ((archive IS NULL) = (archive_sha256 IS NULL) AND (archive IS NULL) = (archived_at IS NULL))
);
COMMENT ON TABLE evidence_month IS 'what was done to the evidence of a month of receipt';
COMMENT ON COLUMN evidence_month.shortened_at IS 'since then headers and the blocks of borders alone are here';
COMMENT ON COLUMN evidence_month.archive IS 'the name of the file that has all of it';
COMMENT ON COLUMN evidence_month.restored_at IS 'when a person put it back from its file';

ALTER TABLE store ADD COLUMN keep_evidence int CHECK (keep_evidence >= 13);
COMMENT ON COLUMN store.keep_evidence IS
  'whole months of evidence that stay whole besides the current one; null: all';

-- What only an owner may do and the service does by itself. Each function does this one thing.
CREATE FUNCTION make_evidence_partition(month date, anew boolean DEFAULT false) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, metering, pg_temp AS $$
DECLARE
  parent text := CASE WHEN anew THEN 'evidence_anew' ELSE 'evidence' END;
  name text := parent || to_char(month, '_YYYY_MM');
  zone text := (SELECT store.zone FROM metering.store);
  first timestamptz := month::timestamp AT TIME ZONE zone;
  next timestamptz := (month + INTERVAL '1 month')::timestamp AT TIME ZONE zone;
BEGIN
  PERFORM pg_advisory_xact_lock(1769960536);
  IF to_regclass('metering.' || name) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE TABLE metering.%I (LIKE metering.evidence INCLUDING ALL EXCLUDING COMMENTS)', name);
  -- With it, attaching the table reads no row of it.
  EXECUTE format('ALTER TABLE metering.%I ADD CONSTRAINT evidence_of_month CHECK (received_at >= %L AND received_at < %L)',
                 name, first, next);
  EXECUTE format('ALTER TABLE metering.%I ATTACH PARTITION metering.%I FOR VALUES FROM (%L) TO (%L)',
                 parent, name, first, next);
END
$$;
COMMENT ON FUNCTION make_evidence_partition IS 'make the part of the month of receipt that begins on this day';

CREATE FUNCTION move_batch_evidence(batches bigint[]) RETURNS bigint LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, metering, pg_temp AS $$
  WITH taken AS (
    SELECT gateway_id, received_at, batch_id, evidence FROM metering.batch
    WHERE batch_id = ANY(batches) AND evidence IS NOT NULL
    ORDER BY batch_id FOR UPDATE
  ), kept AS (
    INSERT INTO metering.evidence SELECT gateway_id, received_at, batch_id, evidence FROM taken
  ), moved AS (
    UPDATE metering.batch SET evidence = NULL FROM taken WHERE batch.batch_id = taken.batch_id
  )
  SELECT count(*) FROM taken
$$;
COMMENT ON FUNCTION move_batch_evidence IS 'move the bytes of batches into their months; how many';

CREATE FUNCTION swap_evidence_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  part text := 'evidence' || to_char(month, '_YYYY_MM');
  made text := 'evidence_anew' || to_char(month, '_YYYY_MM');
  zone text := (SELECT store.zone FROM metering.store);
BEGIN
  PERFORM pg_advisory_xact_lock(1769960536);
  EXECUTE format('LOCK TABLE metering.%I IN EXCLUSIVE MODE', part);
  EXECUTE format(
    'INSERT INTO metering.%1$I SELECT * FROM metering.%2$I AS late WHERE NOT EXISTS (SELECT FROM metering.%1$I AS done '
    'WHERE (done.gateway_id, done.received_at, done.batch_id) = (late.gateway_id, late.received_at, late.batch_id))',
    made, part);
  EXECUTE format('ALTER TABLE metering.evidence_anew DETACH PARTITION metering.%I', made);
  EXECUTE format('DROP TABLE metering.%I', part);
  EXECUTE format('ALTER TABLE metering.%I RENAME TO %I', made, part);
  EXECUTE format('ALTER INDEX metering.%I RENAME TO %I', made || '_pkey', part || '_pkey');
  EXECUTE format(
    'ALTER TABLE metering.evidence ATTACH PARTITION metering.%I FOR VALUES FROM (%L) TO (%L)', part,
    month::timestamp AT TIME ZONE zone, (month + INTERVAL '1 month')::timestamp AT TIME ZONE zone);
END
$$;
COMMENT ON FUNCTION swap_evidence_partition IS
  'put a month that was written anew in the place of its part, with what came meanwhile';

CREATE FUNCTION evidence_line() RETURNS date LANGUAGE sql STABLE AS $$
  SELECT (date_trunc('month', now() AT TIME ZONE zone) - make_interval(months => keep_evidence + 1))::date
  FROM metering.store
$$;
COMMENT ON FUNCTION evidence_line IS 'the first month whose evidence stays whole; null: all of it does';

CREATE FUNCTION shorten_evidence_partition(month date) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, metering, pg_temp AS $$
BEGIN
  IF coalesce(month >= metering.evidence_line(), true) THEN
    RAISE EXCEPTION 'the evidence of % stays whole', to_char(month, 'YYYY-MM');
  END IF;
  PERFORM metering.swap_evidence_partition(month);
END
$$;
COMMENT ON FUNCTION shorten_evidence_partition IS
  'put a month that nobody keeps whole, and that was written anew, in the place of its part';
