-- SPDX-License-Identifier: MIT
-- What a commissioning says of a meter: the gateway that reads it, and the seals on it.

ALTER TABLE meter_gateway_version
  DROP CONSTRAINT meter_gateway_version_how_check,
  ADD CONSTRAINT meter_gateway_version_how_check
    CHECK (how IN ('upgrade', 'first_heard', 'listed', 'commissioned', 'person'));
COMMENT ON COLUMN meter_gateway_version.how IS
  'upgrade: it gave the newest reading when bindings came; first_heard: it spoke first; '
  'listed: the list of units says so; commissioned: the commissioning sheet says so; '
  'person: somebody said so';

CREATE TABLE meter_seal (
  meter_seal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  meter_id int NOT NULL REFERENCES meter,
  seen_at timestamptz NOT NULL,
  seals text[] NOT NULL,
  author text NOT NULL,
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX meter_seal_meter ON meter_seal (meter_id, seen_at);
COMMENT ON TABLE meter_seal IS
  'which seals somebody saw on a meter at a time; of the rows of one time the newest counts';
COMMENT ON COLUMN meter_seal.seals IS 'their numbers; empty: the meter had none';
