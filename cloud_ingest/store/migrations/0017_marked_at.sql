-- SPDX-License-Identifier: MIT
-- When a day was marked, so that marks that nothing takes away can be told.

ALTER TABLE dirty ADD COLUMN marked_at timestamptz NOT NULL DEFAULT now();
