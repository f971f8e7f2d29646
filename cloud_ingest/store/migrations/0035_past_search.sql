-- SPDX-License-Identifier: MIT
-- Registers whose past was never judged, or is to be judged anew: how far the search has come.

CREATE TABLE past_search (
  channel_id int PRIMARY KEY REFERENCES channel,
  next_at timestamptz,
  until timestamptz NOT NULL
);
CREATE INDEX past_search_next ON past_search (next_at NULLS FIRST, channel_id);
COMMENT ON TABLE past_search IS
  'billed registers whose past waits to be judged in the background, the oldest first';
COMMENT ON COLUMN past_search.next_at IS 'up to here it is done; null: it has not begun';
COMMENT ON COLUMN past_search.until IS 'what is later was judged as it came';

-- Migration 21 judged the two months before it; what is older was stored before there was a validation.
INSERT INTO past_search (channel_id, until)
SELECT channel_id, (SELECT applied_at FROM migration WHERE name = '0021_suspects') - INTERVAL '62 days'
FROM channel WHERE obis IN ('1.0.1.8.0.255', '8.0.1.0.0.255');
