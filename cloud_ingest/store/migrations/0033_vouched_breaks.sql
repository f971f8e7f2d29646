-- SPDX-License-Identifier: MIT
-- A break that a person vouched for is kept, too: a month across it is that person's.

ALTER TABLE register_break ADD COLUMN vouched boolean NOT NULL DEFAULT false;
COMMENT ON TABLE register_break IS 'where a billed register leaves its course for good';
COMMENT ON COLUMN register_break.vouched IS
  'a person vouched for the first claim behind it: it disproves nothing';
