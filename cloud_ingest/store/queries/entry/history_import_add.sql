-- SPDX-License-Identifier: MIT
-- Note that a file was taken in to its end; again it is the same note.
INSERT INTO history_import (society_id, sha256, file, rows, first_ts, last_ts, imported_at)
VALUES (%(society_id)s, %(sha256)s, %(file)s, %(rows)s, %(first)s, %(last)s, %(at)s)
ON CONFLICT DO NOTHING
