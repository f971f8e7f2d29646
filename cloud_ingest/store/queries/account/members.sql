-- SPDX-License-Identifier: MIT
-- Who is something to a society now, with when each was on a page last. A null part stands for any.
SELECT membership_id, account_id, login, name, role, unit, since, given_by, seen_at, total
FROM (
  SELECT membership_id, account_id, login, account.name, role, unit, since, given_by,
         count(*) OVER () AS total
  FROM membership JOIN account USING (account_id)
  WHERE society_id = %(society_id)s AND membership.ended_at IS NULL AND account.ended_at IS NULL
    AND (%(part)s::text IS NULL
         OR strpos(lower(account.name || ' ' || login || ' ' || coalesce(unit, '')), lower(%(part)s)) > 0)
  ORDER BY array_position(ARRAY['manager', 'treasurer', 'helpdesk', 'operator', 'resident'], role), account.name, membership_id
  LIMIT %(limit)s OFFSET %(offset)s
) AS own
LEFT JOIN LATERAL (
  SELECT max(seen_at) AS seen_at FROM web_session WHERE web_session.membership_id = own.membership_id
) AS visit ON true
ORDER BY array_position(ARRAY['manager', 'treasurer', 'helpdesk', 'operator', 'resident'], role), name, membership_id
