-- SPDX-License-Identifier: MIT
-- Which gateway may speak for which meter, from when to when, and who says so.

CREATE TABLE meter_gateway_version (
  binding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  meter_id int NOT NULL REFERENCES meter,
  gateway_id int NOT NULL REFERENCES gateway,
  valid_from timestamptz,
  valid_to timestamptz,
  how text NOT NULL CHECK (how IN ('upgrade', 'first_heard', 'listed', 'person')),
  author text NOT NULL,
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL,
  superseded_at timestamptz,
  taken_back boolean NOT NULL DEFAULT false,
  CHECK (valid_to > valid_from),
  CHECK (superseded_at IS NOT NULL OR NOT taken_back),
  -- A meter may hang on several gateways; the ranges of one number need no extension.
  CONSTRAINT meter_gateway_once EXCLUDE USING gist (
    int4range(meter_id, meter_id, '[]') WITH &&, int4range(gateway_id, gateway_id, '[]') WITH &&,
    tstzrange(valid_from, valid_to) WITH &&
  ) WHERE (superseded_at IS NULL) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX meter_gateway_meter ON meter_gateway_version (meter_id);
COMMENT ON TABLE meter_gateway_version IS
  'which gateway may speak for which meter, as it was said each time; only superseded_at is updated';
COMMENT ON COLUMN meter_gateway_version.valid_from IS 'null: from its installation on';
COMMENT ON COLUMN meter_gateway_version.valid_to IS 'null: until now';
COMMENT ON COLUMN meter_gateway_version.how IS
  'upgrade: it gave the newest reading when bindings came; first_heard: it spoke first; '
  'listed: the list of units says so; person: somebody said so';
COMMENT ON COLUMN meter_gateway_version.superseded_at IS
  'when another version took its place, or it was taken back; null: it holds';
COMMENT ON COLUMN meter_gateway_version.taken_back IS
  'it says that the version before it is not true, and itself never held';

CREATE VIEW meter_gateway AS
SELECT binding_id, society_id, meter_id, gateway_id, valid_from, valid_to, how, author, reason,
       recorded_at
FROM meter_gateway_version
WHERE superseded_at IS NULL;
COMMENT ON VIEW meter_gateway IS 'which gateway may speak for which meter, as it is known now';

INSERT INTO meter_gateway_version
  (society_id, meter_id, gateway_id, how, author, reason, recorded_at)
SELECT society_id, meter_id, gateway_id, 'upgrade', 'the store',
       'it gave the newest reading before bindings were kept', now()
FROM meter WHERE gateway_id IS NOT NULL
ORDER BY meter_id;

CREATE TABLE foreign_claim (
  gateway_id int NOT NULL REFERENCES gateway,
  meter_id int NOT NULL REFERENCES meter,
  society_id int NOT NULL REFERENCES society,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  batches bigint NOT NULL,
  settled_at timestamptz,
  PRIMARY KEY (gateway_id, meter_id)
);
COMMENT ON TABLE foreign_claim IS 'gateways that spoke for meters to which they were not bound then';
COMMENT ON COLUMN foreign_claim.first_at IS 'when the first of its batches was received';
COMMENT ON COLUMN foreign_claim.settled_at IS
  'when a person said of the gateway and the meter what is right; null: nobody has';

CREATE TABLE binding_rule (
  rule_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  strict boolean NOT NULL,
  author text NOT NULL,
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE binding_rule IS
  'whether a person alone binds the meters of a society; the newest row holds, without one it is no';
