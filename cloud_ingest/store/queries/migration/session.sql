-- SPDX-License-Identifier: MIT
-- Make a session speak UTC and see our schema; what it needs of TimescaleDB lies in public.
-- Its queries are short: to compile one (jit) takes longer than to run it.
SELECT set_config('search_path', 'metering, public', false),
       set_config('TimeZone', 'UTC', false),
       set_config('client_min_messages', 'warning', false),
       set_config('jit', 'off', false)
