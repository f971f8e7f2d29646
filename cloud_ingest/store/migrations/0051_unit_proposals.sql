-- SPDX-License-Identifier: MIT
-- Lists of units that came by the broker, and what became of each.
-- beside: 0050

CREATE TABLE unit_proposal (
  proposal_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  sha256 text NOT NULL,
  made_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  payload bytea,
  state text NOT NULL DEFAULT 'new'
    CHECK (state IN ('new', 'waits', 'taken', 'refused', 'dropped', 'replaced')),
  decided_at timestamptz,
  decided_by text,
  reason text
);
CREATE INDEX unit_proposal_society ON unit_proposal (society_id, proposal_id);
CREATE INDEX unit_proposal_new ON unit_proposal (proposal_id) WHERE state = 'new';
COMMENT ON TABLE unit_proposal IS 'lists of units that came by the broker, and what became of each';
COMMENT ON COLUMN unit_proposal.sha256 IS 'of its bytes: the same list again is not another one';
COMMENT ON COLUMN unit_proposal.made_at IS 'when unit management made it: an older one is not taken after it';
COMMENT ON COLUMN unit_proposal.payload IS 'its bytes; null: a newer one has come';
COMMENT ON COLUMN unit_proposal.state IS
  'new: nobody has judged it; waits: for a person; replaced: a newer list came before anybody decided';
