-- SPDX-License-Identifier: MIT
-- The oldest open wish of each society, and how many of its messages wait for an acknowledgement.
SELECT resend_id, society_id, society.name AS society, request, reached, (
    SELECT count(*) FROM outbox
    WHERE ack_key IS NOT NULL AND acked_at IS NULL AND ack_key::json ->> 0 = society.name
  )::int AS waiting
FROM billing_resend JOIN society USING (society_id)
WHERE resend_id IN (
  SELECT min(resend_id) FROM billing_resend WHERE done_at IS NULL GROUP BY society_id)
ORDER BY resend_id
FOR UPDATE OF billing_resend SKIP LOCKED
