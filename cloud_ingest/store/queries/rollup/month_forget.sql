-- SPDX-License-Identifier: MIT
-- Forget months of channels that no day tells of.
DELETE FROM reading_month AS m
WHERE m.channel_id = ANY(%(channels)s::int[]) AND m.month BETWEEN %(first)s AND %(last)s
  AND NOT EXISTS (
    SELECT FROM reading_day AS d
    WHERE d.channel_id = m.channel_id
      AND d.day >= m.month AND d.day < m.month + INTERVAL '1 month')
