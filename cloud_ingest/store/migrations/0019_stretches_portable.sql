-- SPDX-License-Identifier: MIT
-- edition: portable
-- Days and months of a stretch of time, by the names that every edition has.

CREATE FUNCTION days_between(first_day date, last_day date) RETURNS SETOF reading_day
LANGUAGE sql STABLE AS $$
SELECT * FROM reading_day WHERE day BETWEEN first_day AND last_day
$$;

CREATE FUNCTION months_between(first_month date, last_month date) RETURNS SETOF reading_month
LANGUAGE sql STABLE AS $$
SELECT * FROM reading_month WHERE month BETWEEN first_month AND last_month
$$;
