-- SPDX-License-Identifier: MIT
-- Count messages that are not written.
INSERT INTO quarantine_dropped AS d
  (gateway_id, reason, society_id, times, bytes, first_at, last_at)
SELECT gateway_id, reason, society_id, count(*), sum(size), min(at), max(at)
FROM unnest(%(gateways)s::int[], %(reasons)s::text[], %(societies)s::int[], %(sizes)s::bigint[],
            %(times)s::timestamptz[]) AS new (gateway_id, reason, society_id, size, at)
GROUP BY gateway_id, reason, society_id ORDER BY gateway_id, reason, society_id
ON CONFLICT (gateway_id, reason, society_id) DO UPDATE SET
  times = d.times + excluded.times, bytes = d.bytes + excluded.bytes,
  first_at = least(d.first_at, excluded.first_at), last_at = greatest(d.last_at, excluded.last_at)
