-- SPDX-License-Identifier: MIT
-- Make due at once what waits for an acknowledgement, but what went a moment ago: that is due soon.
UPDATE outbox SET attempts = 1, published_at = CASE
    WHEN published_at < %(now)s::timestamptz - %(asked_after)s::interval
    THEN least(published_at, %(now)s::timestamptz - %(longest)s::interval)
    ELSE published_at END
WHERE ack_key IS NOT NULL AND acked_at IS NULL AND published_at IS NOT NULL
  AND ack_key::json ->> 0 = %(society)s
  AND (%(month)s::text IS NULL OR ack_key::json ->> 1 = %(month)s)
  AND (%(subject_type)s::text IS NULL OR ack_key::json ->> 2 = %(subject_type)s)
  AND (%(subject)s::text IS NULL OR ack_key::json ->> 3 = %(subject)s)
  AND (%(service)s::text IS NULL OR ack_key::json ->> 4 = %(service)s)
