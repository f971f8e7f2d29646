-- SPDX-License-Identifier: MIT
-- Let go what of the unverified messages has no room: of each account and reason the newest stay, and
-- the first that is open; of an account so many bytes. What is dropped is counted. Its bytes by account.
WITH placed AS (
  SELECT q.quarantine_id, q.gateway_id, q.reason, q.society_id, q.times, q.first_at, q.last_at,
         octet_length(q.payload) AS size, q.state,
         coalesce(q.quarantine_id = min(q.quarantine_id) FILTER (WHERE q.state = 'open') OVER
           (PARTITION BY q.gateway_id, q.reason, q.society_id), false) AS is_first
  FROM quarantine AS q
  WHERE q.payload IS NOT NULL AND q.reason <> 'fork'
    AND (%(all)s OR q.gateway_id = ANY (%(gateways)s::int[]) OR (%(nobody)s AND q.gateway_id IS NULL))
), ranked AS (
  SELECT *,
    row_number() OVER (PARTITION BY gateway_id, reason, society_id ORDER BY is_first DESC,
      state = 'open' DESC, last_at DESC, quarantine_id DESC) AS place,
    sum(size) OVER (PARTITION BY gateway_id ORDER BY is_first DESC,
      state = 'open' DESC, last_at DESC, quarantine_id DESC) AS held
  FROM placed
), gone AS (
  DELETE FROM quarantine USING ranked
  WHERE quarantine.quarantine_id = ranked.quarantine_id
    AND NOT (ranked.is_first AND ranked.reason = ANY (%(flagged)s))
    AND (place > %(entries)s OR held > %(bytes)s OR ranked.last_at < %(oldest)s)
  RETURNING ranked.gateway_id, ranked.reason, ranked.society_id, ranked.times, size,
            ranked.first_at, ranked.last_at, ranked.last_at >= %(oldest)s AS for_room
), counted AS (
  INSERT INTO quarantine_dropped AS d
    (gateway_id, reason, society_id, times, bytes, first_at, last_at)
  SELECT gateway_id, reason, society_id, sum(times), sum(size), min(first_at), max(last_at)
  FROM gone GROUP BY gateway_id, reason, society_id
  ON CONFLICT (gateway_id, reason, society_id) DO UPDATE SET
    times = d.times + excluded.times, bytes = d.bytes + excluded.bytes,
    first_at = least(d.first_at, excluded.first_at), last_at = greatest(d.last_at, excluded.last_at)
)
SELECT gateway_id, sum(size) FROM gone WHERE for_room GROUP BY gateway_id
