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
  'whole months of evidence that are kept whole besides the current one; null: all';

CREATE FUNCTION evidence_table(month date, suffix text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT 'evidence_' || to_char(month, 'YYYY_MM') || suffix
$$;
COMMENT ON FUNCTION evidence_table IS 'the name of the table of a month of evidence';

CREATE FUNCTION begin_evidence_table(month date, suffix text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := metering.evidence_table(month, suffix);
  zone text := (SELECT store.zone FROM metering.store);
BEGIN
  EXECUTE format('CREATE TABLE metering.%I (LIKE metering.evidence INCLUDING ALL EXCLUDING COMMENTS)', name);
  -- With it, attaching the table reads no row of it.
  EXECUTE format(
    'ALTER TABLE metering.%I ADD CONSTRAINT evidence_of_month CHECK (received_at >= %L AND received_at < %L)',
    name, month::timestamp AT TIME ZONE zone, (month + INTERVAL '1 month')::timestamp AT TIME ZONE zone);
END
$$;
COMMENT ON FUNCTION begin_evidence_table IS 'make the table of a month of evidence, not attached yet';

CREATE FUNCTION attach_evidence_table(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  zone text := (SELECT store.zone FROM metering.store);
BEGIN
  EXECUTE format(
    'ALTER TABLE metering.evidence ATTACH PARTITION metering.%I FOR VALUES FROM (%L) TO (%L)',
    metering.evidence_table(month, ''),
    month::timestamp AT TIME ZONE zone, (month + INTERVAL '1 month')::timestamp AT TIME ZONE zone);
END
$$;
COMMENT ON FUNCTION attach_evidence_table IS 'let the table of a month be a part of evidence';

CREATE FUNCTION make_evidence_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1769960536);
  IF to_regclass('metering.' || metering.evidence_table(month, '')) IS NULL THEN
    PERFORM metering.begin_evidence_table(month, '');
    PERFORM metering.attach_evidence_table(month);
  END IF;
END
$$;
COMMENT ON FUNCTION make_evidence_partition IS 'make the part of the month of receipt that begins on this day';

CREATE FUNCTION swap_evidence_partition(month date, suffix text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  part text := metering.evidence_table(month, '');
  made text := metering.evidence_table(month, suffix);
BEGIN
  PERFORM pg_advisory_xact_lock(1769960536);
  EXECUTE format('LOCK TABLE metering.%I IN EXCLUSIVE MODE', part);
  EXECUTE format(
    'INSERT INTO metering.%1$I SELECT * FROM metering.%2$I AS late WHERE NOT EXISTS (SELECT FROM metering.%1$I AS done '
    'WHERE (done.gateway_id, done.received_at, done.batch_id) = (late.gateway_id, late.received_at, late.batch_id))',
    made, part);
  EXECUTE format('DROP TABLE metering.%I', part);
  EXECUTE format('ALTER TABLE metering.%I RENAME TO %I', made, part);
  EXECUTE format('ALTER INDEX metering.%I RENAME TO %I', made || '_pkey', part || '_pkey');
  PERFORM metering.attach_evidence_table(month);
END
$$;
COMMENT ON FUNCTION swap_evidence_partition IS
  'put the table of a month that was made with this suffix in the place of its part, with what came meanwhile';
