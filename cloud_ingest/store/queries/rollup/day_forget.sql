-- SPDX-License-Identifier: MIT
-- Forget days of channels that no reading tells of.
DELETE FROM reading_day AS d
WHERE d.channel_id = ANY(%(channels)s::int[]) AND d.day BETWEEN %(first)s AND %(last)s
  AND NOT EXISTS (
    SELECT FROM reading AS r
    WHERE r.channel_id = d.channel_id
      AND r.ts > (d.day::timestamp AT TIME ZONE %(zone)s)
      AND r.ts <= ((d.day + 1)::timestamp AT TIME ZONE %(zone)s))
