-- SPDX-License-Identifier: MIT
-- What units of a tower used in a closed month: how many are known, and the middle one.
-- Params: society_id, month, tower, start, end, besides (a unit that is left out)
WITH flat AS (
  SELECT DISTINCT subject, service FROM assignment
  WHERE society_id = %(society_id)s AND subject_type = 'unit'
    AND tower IS NOT DISTINCT FROM %(tower)s AND subject <> %(besides)s
    AND valid_from < %(end)s AND (valid_to IS NULL OR valid_to > %(start)s)
)
SELECT flat.service, count(*) AS units, percentile_disc(0.5) WITHIN GROUP (ORDER BY quantity) AS middle
FROM flat CROSS JOIN LATERAL (
  SELECT quantity, version FROM month_number AS number
  WHERE number.society_id = %(society_id)s AND number.month = %(month)s
    AND number.subject_type = 'unit' AND number.subject = flat.subject
    AND number.service = flat.service
  ORDER BY version DESC LIMIT 1
) AS newest
WHERE NOT EXISTS (
  SELECT FROM month_withdrawal AS taken
  WHERE taken.society_id = %(society_id)s AND taken.month = %(month)s
    AND taken.subject_type = 'unit' AND taken.subject = flat.subject
    AND taken.service = flat.service AND taken.version > newest.version
)
GROUP BY flat.service
