-- SPDX-License-Identifier: MIT
-- What residents sent, what became of it and its photo: one, those that wait, or all; the newest first.
SELECT s.submission_id, s.receipt, s.society_id, s.assignment_id, s.subject_type, s.subject, s.service,
       s.source, s.client_id, s.shown, s.value, s.step, s.read_at, s.received_at, s.link_id, s.author,
       s.remarks, d.decision, d.author AS decided_by, d.reason AS decided_because, d.decided_at,
       f.sent_sha256 AS photo_sha256, f.taken_local AS photo_local, f.taken_offset_s AS photo_offset_s,
       EXISTS (SELECT FROM self_read_picture AS p WHERE p.submission_id = s.submission_id) AS has_picture
FROM self_read_submission AS s
LEFT JOIN self_read_decision AS d USING (submission_id)
LEFT JOIN self_read_photo AS f USING (submission_id)
WHERE s.society_id = %(society_id)s
  AND (%(receipt)s::text IS NULL OR s.receipt::text = %(receipt)s OR s.submission_id::text = %(receipt)s)
  AND (%(subject)s::text IS NULL OR s.subject = %(subject)s)
  AND (NOT %(waiting)s OR d.submission_id IS NULL)
ORDER BY s.submission_id DESC
LIMIT %(most)s
