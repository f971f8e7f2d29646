-- SPDX-License-Identifier: MIT
-- Wait until no other transaction elects, and plan each statement for its values to the end of
-- this one: by a generic plan TimescaleDB opens the whole of a compressed chunk.
SELECT pg_advisory_xact_lock(%s), set_config('plan_cache_mode', 'force_custom_plan', true)
