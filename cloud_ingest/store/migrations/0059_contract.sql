-- SPDX-License-Identifier: MIT
-- A reconciliation that was taken back is kept, so that its version goes on rising.

ALTER TABLE month_reconciliation ADD COLUMN taken_back boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN month_reconciliation.taken_back IS
  'the tower had nothing to balance any more: its topic was emptied';

-- What billing asks to be sent again is put into the outbox piece by piece.
CREATE TABLE billing_resend (
  resend_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  request jsonb NOT NULL,
  asked_at timestamptz NOT NULL,
  messages int NOT NULL,
  passed int NOT NULL DEFAULT 0,
  sent int NOT NULL DEFAULT 0,
  reached text[] NOT NULL DEFAULT '{"","","",""}',
  done_at timestamptz
);
CREATE INDEX billing_resend_open ON billing_resend (society_id, resend_id) WHERE done_at IS NULL;
COMMENT ON TABLE billing_resend IS 'what billing asked to be sent again, and how far that is';
COMMENT ON COLUMN billing_resend.request IS 'metering.billing-request/1';
COMMENT ON COLUMN billing_resend.messages IS 'how many stood when it was asked for';
COMMENT ON COLUMN billing_resend.passed IS 'how many of them were looked at';
COMMENT ON COLUMN billing_resend.sent IS 'how many of those were put into the outbox: the others wait there already';
COMMENT ON COLUMN billing_resend.reached IS 'month, subject type, subject and service of the last that was looked at';

ALTER TABLE outbox ADD COLUMN again boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN outbox.again IS 'it was acknowledged before, and sent once more on request';
