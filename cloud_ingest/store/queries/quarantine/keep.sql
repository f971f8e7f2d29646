-- SPDX-License-Identifier: MIT
-- Keep what is not stored; the same again is only counted. True: it is new; its number.
INSERT INTO quarantine AS q (reason, detail, gateway, society_id, topic, payload, payload_hash,
                             batch_id, ordinal, row_indexes, first_at, last_at, gateway_id)
VALUES (%(reason)s, %(detail)s, %(gateway)s, %(society_id)s, %(topic)s, %(payload)s,
        %(payload_hash)s, %(batch_id)s, %(ordinal)s, %(row_indexes)s, %(first_at)s, %(last_at)s,
        (SELECT gateway_id FROM gateway WHERE name = %(gateway)s AND %(payload)s::bytea IS NOT NULL))
ON CONFLICT (payload_hash, reason, hashtextextended(coalesce(topic, ''), 0), coalesce(ordinal, -1))
DO UPDATE SET times = q.times + 1, last_at = greatest(q.last_at, excluded.last_at)
RETURNING times = 1 AS is_new, quarantine_id
