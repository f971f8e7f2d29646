-- SPDX-License-Identifier: MIT
-- Remember who entered which dial, and when.
INSERT INTO self_read (society_id, assignment_id, channel_id, read_at, value, raw, entered_by,
                       entered_at, forced_because)
VALUES (%(society_id)s, %(assignment_id)s, %(channel_id)s, %(read_at)s, %(value)s, %(raw)s,
        %(entered_by)s, %(entered_at)s, %(forced_because)s)
