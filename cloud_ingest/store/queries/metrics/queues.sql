-- SPDX-License-Identifier: MIT
-- What waits to leave the store, to be rolled up and to be decided, and whether the server archives its log.
WITH waiting AS (
  SELECT count(*) FILTER (WHERE published_at IS NULL) AS unsent,
         min(created_at) FILTER (WHERE published_at IS NULL) AS unsent_since,
         count(*) FILTER (WHERE published_at IS NOT NULL) AS unacknowledged,
         min(created_at) FILTER (WHERE published_at IS NOT NULL) AS unacknowledged_since
  FROM outbox WHERE published_at IS NULL OR (ack_key IS NOT NULL AND acked_at IS NULL)
), marks AS (
  SELECT count(*) AS days, min(marked_at) AS days_since
  FROM dirty WHERE day <= (SELECT (now() AT TIME ZONE zone)::date FROM store)
), hooks AS (
  SELECT count(*) AS webhook_messages, min(created_at) AS webhook_since FROM webhook_delivery
), archive AS (
  SELECT CASE WHEN current_setting('archive_mode') <> 'off' THEN last_archived_time END AS archived_at,
         CASE WHEN current_setting('archive_mode') <> 'off'
              THEN coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) END
           AS archive_failing
  FROM pg_stat_archiver
)
SELECT unsent, unsent_since, unacknowledged, unacknowledged_since, days, days_since,
       webhook_messages, webhook_since, archived_at, archive_failing,
       (SELECT coalesce(sum(times), 0)::bigint FROM quarantine_dropped) AS dropped
FROM waiting, marks, hooks, archive
