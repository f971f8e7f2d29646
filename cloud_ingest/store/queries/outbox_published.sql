-- SPDX-License-Identifier: MIT
-- Note that the broker has taken these messages.
UPDATE outbox SET published_at = %(now)s, attempts = attempts + 1
WHERE outbox_id = ANY (%(ids)s)
