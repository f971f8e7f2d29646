-- SPDX-License-Identifier: MIT
-- The keys of gateways that were taken back or have a successor, and the certificates that were issued.

CREATE TABLE revocation (
  revocation_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  gateway_id int NOT NULL REFERENCES gateway,
  at timestamptz NOT NULL,
  author text NOT NULL,
  reason text NOT NULL
);
COMMENT ON TABLE revocation IS
  'what comes of these keys from then on is refused, whatever time stands in it';
ALTER TABLE gateway_key ADD COLUMN revocation_id int REFERENCES revocation;
COMMENT ON COLUMN gateway_key.revocation_id IS 'null: it was not taken back';

CREATE TABLE key_succession (
  gateway_id int NOT NULL,
  key_id text NOT NULL,
  successor text NOT NULL,
  stream uuid NOT NULL,
  last_seq bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (gateway_id, key_id),
  FOREIGN KEY (gateway_id, key_id) REFERENCES gateway_key,
  FOREIGN KEY (gateway_id, successor) REFERENCES gateway_key
);
COMMENT ON TABLE key_succession IS
  'a gateway named the next key in the batch last_seq of a stream, which the key before it signed';

CREATE TABLE gateway_certificate (
  gateway_id int NOT NULL REFERENCES gateway,
  serial text NOT NULL,
  expires_at timestamptz NOT NULL,
  issued_at timestamptz NOT NULL,
  author text NOT NULL,
  request bytea NOT NULL,
  PRIMARY KEY (gateway_id, serial)
);
COMMENT ON TABLE gateway_certificate IS 'what was issued for the broker, and the signed request for it';
