-- SPDX-License-Identifier: MIT
-- What a person sent of dials: under the name where it is nobody else's, and by link while nobody else lived there.
SELECT s.submission_id, s.receipt, society.name AS society, s.subject, s.service, s.source, s.shown, s.read_at,
       s.received_at, d.decision, d.reason AS decided_because, d.decided_at, p.jpeg,
       encode(f.sent_sha256, 'hex') AS photo_sha256
FROM self_read_submission AS s
JOIN society USING (society_id)
LEFT JOIN self_read_decision AS d USING (submission_id)
LEFT JOIN self_read_photo AS f USING (submission_id)
LEFT JOIN self_read_picture AS p USING (submission_id)
WHERE s.author = (SELECT name FROM account WHERE account_id = %(account_id)s)
      AND s.society_id = ANY (societies_of_name(%(account_id)s))
   OR s.link_id IS NOT NULL AND EXISTS (
     SELECT FROM membership AS own
     WHERE own.account_id = %(account_id)s AND own.society_id = s.society_id AND own.unit = s.subject
       AND s.subject_type = 'unit' AND s.received_at >= own.since
       AND s.received_at < coalesce(own.ended_at, 'infinity')
       AND NOT EXISTS (
         SELECT FROM membership AS other
         WHERE other.account_id <> own.account_id AND other.society_id = own.society_id AND other.unit = own.unit
           AND other.since < coalesce(own.ended_at, 'infinity')
           AND coalesce(other.ended_at, 'infinity') > own.since))
ORDER BY s.submission_id
