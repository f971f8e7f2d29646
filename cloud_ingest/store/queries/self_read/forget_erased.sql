-- SPDX-License-Identifier: MIT
-- Drop the pictures of persons who were erased, or of some submissions, where each month near them is approved.
DELETE FROM self_read_picture AS p USING self_read_submission AS s
WHERE s.submission_id = p.submission_id
  AND (s.submission_id = ANY (%(submissions)s)
       OR EXISTS (SELECT FROM account WHERE erased_at IS NOT NULL AND account.name = s.author))
  AND EXISTS (SELECT FROM self_read_decision AS d WHERE d.submission_id = s.submission_id)
  AND NOT EXISTS (
    SELECT FROM unnest(ARRAY[s.read_at - %(near)s::interval, s.read_at + %(near)s::interval]) AS near
    WHERE coalesce((
      SELECT kind FROM month_lock
      WHERE month_lock.society_id = s.society_id
        AND month = to_char(near AT TIME ZONE (SELECT zone FROM store), 'YYYY-MM')
      ORDER BY month_lock_id DESC LIMIT 1), 'reopen') <> 'approve')
