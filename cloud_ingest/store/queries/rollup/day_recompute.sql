-- SPDX-License-Identifier: MIT
-- Roll up days again from their readings. A day runs from after its 00:00 to the next 00:00.
-- One that tells of more readings than there are stays: somebody has dropped some. What was set
-- aside is there as a claim. Tells which days it rolled up.
INSERT INTO reading_day AS d
  (channel_id, day, first_raw, last_raw, min_ts, max_ts, count, sum_raw, min_raw, max_raw)
SELECT k.channel_id, k.day, r.raws[1], r.raws[r.count], r.min_ts, r.max_ts,
       r.count, r.sum_raw, r.min_raw, r.max_raw
FROM unnest(%(channels)s::int[], %(days)s::date[]) AS k (channel_id, day)
CROSS JOIN LATERAL (
  SELECT array_agg(raw ORDER BY ts) AS raws, min(ts) AS min_ts, max(ts) AS max_ts,
         count(*) AS count, sum(raw) AS sum_raw, min(raw) AS min_raw, max(raw) AS max_raw
  FROM reading
  WHERE reading.channel_id = k.channel_id
    AND reading.ts > (k.day::timestamp AT TIME ZONE %(zone)s)
    AND reading.ts <= ((k.day + 1)::timestamp AT TIME ZONE %(zone)s)
) AS r
WHERE r.count > 0
ORDER BY k.channel_id, k.day
ON CONFLICT (channel_id, day) DO UPDATE
SET first_raw = excluded.first_raw, last_raw = excluded.last_raw, min_ts = excluded.min_ts,
    max_ts = excluded.max_ts, count = excluded.count, sum_raw = excluded.sum_raw,
    min_raw = excluded.min_raw, max_raw = excluded.max_raw
WHERE excluded.count >= d.count
   OR excluded.count + (
     SELECT count(DISTINCT claim.ts) FROM claim
     WHERE claim.channel_id = excluded.channel_id
       AND claim.ts > (excluded.day::timestamp AT TIME ZONE %(zone)s)
       AND claim.ts <= ((excluded.day + 1)::timestamp AT TIME ZONE %(zone)s)
       AND NOT EXISTS (
         SELECT FROM reading AS own
         WHERE own.channel_id = claim.channel_id AND own.ts = claim.ts
           AND own.ts > (excluded.day::timestamp AT TIME ZONE %(zone)s)
           AND own.ts <= ((excluded.day + 1)::timestamp AT TIME ZONE %(zone)s))
   ) >= d.count
RETURNING d.channel_id, d.day
