-- SPDX-License-Identifier: MIT
-- Remember what is added to a register from a time on, who says so and why.
INSERT INTO epoch (channel_id, starts_at, offset_raw, reason, author, recorded_at)
VALUES (%(channel_id)s, %(starts_at)s, %(offset_raw)s, %(reason)s, %(author)s, %(now)s)
