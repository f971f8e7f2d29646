-- SPDX-License-Identifier: MIT
-- How many numbers a closed month's manifest names, how many of them are provisional, and what follows its entries.
-- A label has no bare quote in it.
SELECT substring(manifest FROM entries_end) AS rest,
       (length(entries) - length(replace(entries, '"sha256":"', ''))) / length('"sha256":"') AS named,
       (length(entries) - length(replace(entries, '"status":"provisional"', '')))
         / length('"status":"provisional"') AS provisional
FROM (
  SELECT manifest, entries_end, convert_from(substring(manifest FROM 1 FOR entries_end - 1), 'UTF8') AS entries
  FROM month_close, position('"withheld":'::bytea IN manifest) AS entries_end
  WHERE society_id = %(society_id)s AND month = %(month)s
) AS closed
