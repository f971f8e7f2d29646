-- SPDX-License-Identifier: MIT
-- Who may use the store: its owner makes and drops tables, the service's role has rights on data alone,
-- and a reader's role sees the reports of its societies. `migrate` gives the rights (store/roles.py).

ALTER TABLE store ADD COLUMN service_role text;
COMMENT ON COLUMN store.service_role IS 'the role of the service and its workers; null: they are the owner';

CREATE TABLE reader_society (
  role_name text NOT NULL,
  society_id int NOT NULL REFERENCES society,
  PRIMARY KEY (role_name, society_id)
);
COMMENT ON TABLE reader_society IS 'whose reports a reader''s role sees';

-- What only an owner may do and the service does by itself. Each function does this one thing.
CREATE FUNCTION drop_reading_partition(month date) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, metering, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM metering.store
    WHERE ((month + INTERVAL '1 month')::timestamp AT TIME ZONE zone) <= kept_from
  ) THEN
    RAISE EXCEPTION 'the readings of % are kept', to_char(month, 'YYYY-MM');
  END IF;
  EXECUTE format('DROP TABLE metering.%I', 'reading_' || to_char(month, 'YYYY_MM'));
END
$$;
COMMENT ON FUNCTION drop_reading_partition IS 'drop the partition of a month that retention let go';

CREATE FUNCTION drop_reading_chunks() RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, metering, pg_temp AS $$
BEGIN
  RETURN (
    SELECT count(*)
    FROM public.drop_chunks('metering.reading'::regclass, older_than => (SELECT kept_from FROM metering.store))
  );
END
$$;
COMMENT ON FUNCTION drop_reading_chunks IS 'drop the chunks that retention let go; how many';

CREATE FUNCTION compress_reading_chunk(chunk regclass) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, metering, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_inherits WHERE inhrelid = chunk AND inhparent = 'metering.reading'::regclass
  ) THEN
    RAISE EXCEPTION '% is no chunk of readings', chunk;
  END IF;
  PERFORM public.compress_chunk(chunk, if_not_compressed => true);
END
$$;
COMMENT ON FUNCTION compress_reading_chunk IS 'compress a chunk of readings, or what came into it since';

DO $$
BEGIN
  IF to_regproc('metering.make_reading_partition') IS NOT NULL THEN
    ALTER FUNCTION make_reading_partition(date) SECURITY DEFINER
      SET search_path = pg_catalog, metering, pg_temp;
  END IF;
END
$$;

-- What a reader's role sees. The views look with their owner's rights, and each shows the societies of
-- whoever asks. Row security reaches no continuous aggregate and no compressed hypertable.
CREATE SCHEMA IF NOT EXISTS metering_report;

CREATE VIEW metering_report.society WITH (security_barrier) AS
SELECT society_id, name AS society
FROM metering.society
WHERE society_id IN (
  SELECT reader_society.society_id
  FROM metering.reader_society JOIN pg_catalog.pg_roles ON rolname = role_name
  WHERE pg_catalog.pg_has_role(pg_roles.oid, 'USAGE')
);
COMMENT ON VIEW metering_report.society IS 'the societies of the role that asks';

CREATE VIEW metering_report.gateway WITH (security_barrier) AS
SELECT society, gateway.name AS gateway, tower, state, heard_at, lost_at, back_at
FROM metering.gateway JOIN metering_report.society USING (society_id)
LEFT JOIN metering.gateway_status USING (gateway_id);
COMMENT ON VIEW metering_report.gateway IS 'the gateways, and when they were heard';

CREATE VIEW metering_report.meter WITH (security_barrier) AS
SELECT society, meter_id, manufacturer, serial, gateway.name AS gateway, last_reading_at
FROM metering.meter JOIN metering_report.society USING (society_id)
LEFT JOIN metering.gateway USING (gateway_id);
COMMENT ON VIEW metering_report.meter IS 'the meters, and which gateway gave the newest reading';

CREATE VIEW metering_report.assignment WITH (security_barrier) AS
SELECT society, tower, subject_type, subject, label, service, source, meter_id, legacy, valid_from, valid_to
FROM metering.assignment JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.assignment IS 'which meter serves whom, as it is known now';

CREATE VIEW metering_report.channel WITH (security_barrier) AS
SELECT society, channel_id, meter_id, obis, unit, scaler, weight, kind, period_s
FROM metering.channel JOIN metering.meter USING (meter_id)
JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.channel IS 'what meters are read for: value = raw * 10^scaler';

CREATE VIEW metering_report.epoch WITH (security_barrier) AS
SELECT society, channel_id, starts_at, offset_raw, reason, recorded_at
FROM metering.epoch JOIN metering.channel USING (channel_id) JOIN metering.meter USING (meter_id)
JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.epoch IS 'what is added to a register from a moment on';

CREATE VIEW metering_report.reading WITH (security_barrier) AS
SELECT society, channel_id, ts, raw, status, origin
FROM metering.reading JOIN metering.channel USING (channel_id) JOIN metering.meter USING (meter_id)
JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.reading IS 'the elected readings';

CREATE VIEW metering_report.reading_day WITH (security_barrier) AS
SELECT society, channel_id, day, first_raw, last_raw, min_ts, max_ts, count, sum_raw, min_raw, max_raw
FROM metering.reading_day JOIN metering.channel USING (channel_id) JOIN metering.meter USING (meter_id)
JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.reading_day IS 'the days of channels';

CREATE VIEW metering_report.reading_month WITH (security_barrier) AS
SELECT society, channel_id, month, first_raw, last_raw, min_ts, max_ts, count, sum_raw, min_raw, max_raw
FROM metering.reading_month JOIN metering.channel USING (channel_id) JOIN metering.meter USING (meter_id)
JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.reading_month IS 'the months of channels';

CREATE VIEW metering_report.month_number WITH (security_barrier) AS
SELECT society, month, subject_type, subject, service, version, quantity, quality, since, closed_at
FROM metering.month_number JOIN metering_report.society USING (society_id)
UNION ALL
SELECT society, month, subject_type, subject, service, version, NULL, 'withdrawn', NULL, closed_at
FROM metering.month_withdrawal JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.month_number IS
  'what billing was told: of a subject, month and service the highest version holds';

CREATE VIEW metering_report.flag WITH (security_barrier) AS
SELECT society, event_id, kind, severity, subject_type, subject, service, tower, unit_type, unit, state,
       since, raised_at, cleared_at, acknowledged_by, acknowledged_at, message
FROM metering.event JOIN metering_report.society USING (society_id);
COMMENT ON VIEW metering_report.flag IS 'the flags, open and cleared';
