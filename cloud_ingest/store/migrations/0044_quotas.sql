-- SPDX-License-Identifier: MIT
-- What gateways bring beyond their quotas, and what the quarantine lets go: counted, never in silence.

CREATE TABLE quota_use (
  gateway_id int REFERENCES gateway,
  quota text NOT NULL,
  hour timestamptz NOT NULL,
  used bigint NOT NULL,
  UNIQUE NULLS NOT DISTINCT (gateway_id, quota, hour)
);
COMMENT ON TABLE quota_use IS 'what a gateway brought in an hour, where it is bounded; null: those that are not enrolled, together';

ALTER TABLE quarantine ADD COLUMN gateway_id int REFERENCES gateway;
COMMENT ON COLUMN quarantine.gateway_id IS 'the enrolled gateway on whose account its bytes go; null: of nobody';
UPDATE quarantine SET gateway_id = gateway.gateway_id
FROM gateway WHERE gateway.name = quarantine.gateway AND payload IS NOT NULL;
CREATE INDEX quarantine_unverified ON quarantine (gateway_id, reason)
  WHERE payload IS NOT NULL AND reason <> 'fork';

CREATE TABLE quarantine_dropped (
  gateway_id int REFERENCES gateway,
  reason text NOT NULL,
  society_id int REFERENCES society,
  times bigint NOT NULL,
  bytes bigint NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  UNIQUE NULLS NOT DISTINCT (gateway_id, reason, society_id)
);
COMMENT ON TABLE quarantine_dropped IS 'messages of which nothing was verified and whose bytes are not kept: how many, how large, when';
