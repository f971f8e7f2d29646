-- SPDX-License-Identifier: MIT
-- A migration is applied: how far it was is of no interest any more.
DELETE FROM migration_step WHERE name = %s
