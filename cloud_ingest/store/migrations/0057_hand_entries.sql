-- SPDX-License-Identifier: MIT
-- What came in without a meter, as persons enter it: water by kL, a generator by its hours.
-- beside: 0049

CREATE TABLE hand_entry (
  hand_entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number bigint NOT NULL,
  society_id int NOT NULL REFERENCES society,
  tower text,
  source text NOT NULL CHECK (source IN ('main', 'tanker', 'borewell', 'generator')),
  at timestamptz NOT NULL,
  amount numeric CHECK (amount > 0),
  author text NOT NULL,
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX hand_entry_of_society ON hand_entry (society_id, number, hand_entry_id DESC);
COMMENT ON TABLE hand_entry IS
  'what persons said of one number, word after word: the newest holds; nothing is changed or deleted';
COMMENT ON COLUMN hand_entry.number IS 'by which a later word names it: from 1 on in each society';
COMMENT ON COLUMN hand_entry.tower IS 'null: it came in for the whole society';
COMMENT ON COLUMN hand_entry.at IS 'when it came in, or when the generator stopped';
COMMENT ON COLUMN hand_entry.amount IS 'kL; of a generator, hours; null: the entry was taken back';
