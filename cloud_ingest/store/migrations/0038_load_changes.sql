-- SPDX-License-Identifier: MIT
-- Electricity meters whose past days are not what they were when they were judged.

CREATE TABLE load_change (
  meter_id int PRIMARY KEY REFERENCES meter,
  times bigint NOT NULL
);
COMMENT ON TABLE load_change IS 'electricity meters whose past days have changed: they are judged again';
COMMENT ON COLUMN load_change.times IS 'how often since they were judged; a judgement ends what it has seen';
