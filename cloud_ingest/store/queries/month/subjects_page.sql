-- SPDX-License-Identifier: MIT
-- A page of a month's units and common areas, with how many there are. A null stands for any.
-- Params: society_id, month, start, end, tower, part (of a label), only_kinds and only_labels, first_kinds and first_labels, service (by whose
-- number they are sorted, the largest first; null: by their labels), limit, offset
WITH own AS (
  SELECT subject_type, subject, min(subject_order) AS subject_order, min(tower) AS tower FROM assignment
  WHERE society_id = %(society_id)s AND subject_type <> 'bulk'
    AND valid_from < %(end)s AND (valid_to IS NULL OR valid_to > %(start)s)
    AND (%(tower)s::text IS NULL OR tower = %(tower)s)
    AND (%(part)s::text IS NULL OR strpos(lower(subject), lower(%(part)s)) > 0)
    AND (%(only_kinds)s::text[] IS NULL OR (subject_type, subject) IN (
      SELECT * FROM unnest(%(only_kinds)s, %(only_labels)s::text[])))
  GROUP BY subject_type, subject
)
SELECT subject_type, subject, tower, count(*) OVER () AS total
FROM own LEFT JOIN LATERAL (
  SELECT quantity FROM month_number AS number
  WHERE number.society_id = %(society_id)s AND number.month = %(month)s
    AND number.subject_type = own.subject_type AND number.subject = own.subject
    AND number.service = %(service)s
  ORDER BY version DESC LIMIT 1
) AS newest ON %(service)s::text IS NOT NULL
ORDER BY (subject_type, subject) IN (
  SELECT * FROM unnest(%(first_kinds)s::text[], %(first_labels)s::text[])) DESC, quantity DESC NULLS LAST, subject_type <> 'unit',
  subject_order, subject
LIMIT %(limit)s OFFSET %(offset)s
