-- SPDX-License-Identifier: MIT
-- What a person restores against a rule keeps its verdict.

COMMENT ON TABLE verdict IS
  'claims that are kept and not elected, and elected ones that their meter calls not valid (status, clock) or that a person restored against a rule';
