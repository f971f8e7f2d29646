-- SPDX-License-Identifier: MIT
-- Drop the marks that a refresh has dealt with; those that were added since stay.
DELETE FROM dirty WHERE dirty_id = ANY(%s::bigint[])
