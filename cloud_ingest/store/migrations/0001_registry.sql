-- SPDX-License-Identifier: MIT
-- The store itself, the societies, gateways and meters, and which meter served whom when.

CREATE TABLE store (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  store_id uuid NOT NULL DEFAULT gen_random_uuid(),
  zone text NOT NULL,
  rollups text NOT NULL CHECK (rollups IN ('continuous', 'portable')),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN store.zone IS 'the zone of days and months; continuous aggregates hold it as a constant';

CREATE TABLE society (
  society_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE
);

CREATE TABLE gateway (
  gateway_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  society_id int NOT NULL REFERENCES society,
  tower text,
  enrolled_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gateway_key (
  gateway_id int NOT NULL REFERENCES gateway,
  key_id text NOT NULL,
  public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
  enrolled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway_id, key_id)
);

CREATE TABLE gateway_status (
  gateway_id int PRIMARY KEY REFERENCES gateway,
  session uuid NOT NULL,
  state text NOT NULL,
  at timestamptz NOT NULL,
  payload jsonb NOT NULL
);

CREATE TABLE meter (
  meter_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  manufacturer text NOT NULL,
  serial text NOT NULL,
  last_reading_at timestamptz,
  UNIQUE (society_id, manufacturer, serial)
);
COMMENT ON COLUMN meter.last_reading_at IS 'time of the newest reading that the meter itself gave';

CREATE TABLE assignment (
  assignment_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  tower text,
  subject_type text NOT NULL CHECK (subject_type IN ('unit', 'common', 'bulk')),
  subject text NOT NULL,
  service text NOT NULL CHECK (service IN ('electricity', 'water')),
  source text NOT NULL,
  meter_id int NOT NULL REFERENCES meter,
  legacy boolean NOT NULL DEFAULT false,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz,
  CHECK (valid_to > valid_from),
  -- A meter serves one subject at a time; the range of one number needs no extension.
  CONSTRAINT assignment_meter_once EXCLUDE USING gist (
    int4range(meter_id, meter_id, '[]') WITH &&, tstzrange(valid_from, valid_to) WITH &&
  ) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX assignment_subject ON assignment (society_id, subject_type, subject, service);
COMMENT ON COLUMN assignment.legacy IS 'no data port: read by its resident';
