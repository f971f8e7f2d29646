-- SPDX-License-Identifier: MIT
-- How many meters with a data port serve somebody now, by society, and how many of them are silent since
-- before two times. One that was never read counts from its installation.
SELECT society.name AS society, count(*) AS meters,
       count(*) FILTER (WHERE coalesce(last_reading_at, valid_from) < %(hour)s) AS silent_hour,
       count(*) FILTER (WHERE coalesce(last_reading_at, valid_from) < %(day)s) AS silent_day,
       max(last_reading_at) AS newest
FROM assignment JOIN meter USING (meter_id) JOIN society ON society.society_id = assignment.society_id
WHERE NOT legacy AND valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)
GROUP BY society.society_id
