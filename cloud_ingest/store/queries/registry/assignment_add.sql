-- SPDX-License-Identifier: MIT
-- Let a meter serve a subject.
INSERT INTO assignment (society_id, tower, subject_type, subject, service, source, legacy,
                        valid_from, valid_to, meter_id)
VALUES (%(society_id)s, %(tower)s, %(subject_type)s, %(subject)s, %(service)s, %(source)s,
        %(legacy)s, %(valid_from)s, %(valid_to)s, %(meter_id)s)
