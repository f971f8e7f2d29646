-- SPDX-License-Identifier: MIT
-- The gaps of every stream, ascending, and when the later of their borders came; only outside of the longest run there can be any.
SELECT society.society_id, society.name AS society, gateway.name AS gateway,
       run.gateway_id, run.stream, missing.first, missing.last, missing.came_at
FROM stream_range AS run
JOIN gateway USING (gateway_id)
JOIN society USING (society_id)
CROSS JOIN LATERAL (
  SELECT before + 1 AS first, seq - 1 AS last, greatest(received_at, before_at) AS came_at
  FROM (
    SELECT seq, received_at,
           lag(seq) OVER (ORDER BY seq) AS before, lag(received_at) OVER (ORDER BY seq) AS before_at
    FROM (
      SELECT seq, received_at FROM batch
      WHERE gateway_id = run.gateway_id AND stream = run.stream AND seq >= run.last_seq
      UNION ALL
      SELECT seq, received_at FROM batch
      WHERE gateway_id = run.gateway_id AND stream = run.stream AND seq <= run.first_seq
    ) AS outside
  ) AS stored
  WHERE seq > before + 1 AND NOT (before = run.first_seq AND seq = run.last_seq)
) AS missing
WHERE missing.came_at >= %(since)s
ORDER BY run.gateway_id, run.stream, missing.first
