-- SPDX-License-Identifier: MIT
-- Forget days of channels of which every reading was set aside: it is there as a claim. Readings that
-- were dropped are no claims, and their days stay.
DELETE FROM reading_day AS d
USING unnest(%(channels)s::int[], %(days)s::date[]) AS k (channel_id, day)
WHERE d.channel_id = k.channel_id AND d.day = k.day
  AND NOT EXISTS (
    SELECT FROM reading AS r
    WHERE r.channel_id = k.channel_id
      AND r.ts > (k.day::timestamp AT TIME ZONE %(zone)s)
      AND r.ts <= ((k.day + 1)::timestamp AT TIME ZONE %(zone)s))
  AND d.count <= (
    SELECT count(DISTINCT claim.ts) FROM claim
    WHERE claim.channel_id = k.channel_id
      AND claim.ts > (k.day::timestamp AT TIME ZONE %(zone)s)
      AND claim.ts <= ((k.day + 1)::timestamp AT TIME ZONE %(zone)s))
RETURNING d.channel_id, d.day
