-- SPDX-License-Identifier: MIT
-- The stored runs of a stream outside of the remembered one.
SELECT min(seq), max(seq)
FROM (
  SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run
  FROM batch
  WHERE gateway_id = %(gateway_id)s AND stream = %(stream)s AND seq > %(high)s
  UNION ALL
  SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run
  FROM batch
  WHERE gateway_id = %(gateway_id)s AND stream = %(stream)s AND seq < %(low)s
) AS numbered
GROUP BY run, seq < %(low)s
ORDER BY 1
