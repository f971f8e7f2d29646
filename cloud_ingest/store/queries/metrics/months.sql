-- SPDX-License-Identifier: MIT
-- The last month that each society closed, when its first gateway was enrolled, how many numbers of closed
-- months wait for a person, and when its last meter ended.
SELECT society.name AS society,
       (SELECT max(month) FROM month_close WHERE month_close.society_id = society.society_id) AS last_closed,
       (SELECT min(enrolled_at) FROM gateway WHERE gateway.society_id = society.society_id) AS enrolled_at,
       (SELECT count(*) FROM month_doubt
        WHERE month_doubt.society_id = society.society_id AND kind = 'held') AS held,
       (SELECT count(*) FROM month_doubt
        WHERE month_doubt.society_id = society.society_id AND kind = 'doubted') AS doubted,
       (SELECT CASE WHEN bool_and(valid_to IS NOT NULL) THEN max(valid_to) END FROM assignment
        WHERE assignment.society_id = society.society_id) AS served_until
FROM society
