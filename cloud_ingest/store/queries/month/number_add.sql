-- SPDX-License-Identifier: MIT
-- Keep a number of a closed month for ever.
INSERT INTO month_number (society_id, month, subject_type, subject, service, version, quantity,
                          quality, message, sha256, closed_at)
VALUES (%(society_id)s, %(month)s, %(subject_type)s, %(subject)s, %(service)s, %(version)s,
        %(quantity)s, %(quality)s, %(message)s, %(sha256)s, %(closed_at)s)
