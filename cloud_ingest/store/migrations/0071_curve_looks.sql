-- SPDX-License-Identifier: MIT
-- Who opened the quarter hours of a unit, and why: they show when a family is away.
-- beside: 0070

CREATE TABLE curve_look (
  curve_look_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  unit text NOT NULL,
  at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  author text NOT NULL,
  role text NOT NULL,
  account_id bigint REFERENCES account,
  reason text NOT NULL,
  first_day date NOT NULL,
  last_day date NOT NULL,
  CHECK (first_day <= last_day)
);
CREATE INDEX curve_look_of_unit ON curve_look (society_id, unit, curve_look_id);
COMMENT ON TABLE curve_look IS 'who opened the quarter hours of a unit, and why; nothing is taken back';
COMMENT ON COLUMN curve_look.ends_at IS 'until then the same account may look at these days without saying why again';
COMMENT ON COLUMN curve_look.account_id IS 'null: a program, by its token';
