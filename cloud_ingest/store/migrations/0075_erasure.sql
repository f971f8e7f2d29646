-- SPDX-License-Identifier: MIT
-- A person's name is taken out of what was said: nobody but the owner could, so one function does it.
-- beside: 0068

ALTER TABLE account ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN account.erased_at IS
  'when the person was erased: login and name are a pseudonym since; null: it was not';

CREATE FUNCTION said_places() RETURNS TABLE (place regclass, said_by name, own text) LANGUAGE sql STABLE
SET search_path = pg_catalog, metering, pg_temp AS $$
  SELECT c.oid::regclass, a.attname, way.own
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
  CROSS JOIN LATERAL (
    SELECT each.own
    FROM (VALUES
      (1, 'society_id', 'society_id = ANY ($1)'),
      (2, 'gateway_id', 'gateway_id IN (SELECT gateway_id FROM metering.gateway WHERE society_id = ANY ($1))'),
      (3, 'meter_id', 'meter_id IN (SELECT meter_id FROM metering.meter WHERE society_id = ANY ($1))'),
      (4, 'channel_id', 'channel_id IN (SELECT channel_id FROM metering.channel JOIN metering.meter USING (meter_id) '
                        'WHERE society_id = ANY ($1))'),
      (5, 'event_id', 'event_id IN (SELECT event_id FROM metering.event WHERE society_id = ANY ($1))'),
      (6, 'link_id', 'link_id IN (SELECT link_id FROM metering.self_read_link WHERE society_id = ANY ($1))'),
      (7, 'submission_id', 'submission_id IN (SELECT submission_id FROM metering.self_read_submission '
                           'WHERE society_id = ANY ($1))'),
      (8, 'account_id', 'account_id IN (SELECT account_id FROM metering.membership WHERE society_id = ANY ($1))')
    ) AS each (rank, key, own)
    JOIN pg_attribute AS key ON key.attrelid = c.oid AND key.attname = each.key AND NOT key.attisdropped
    ORDER BY rank LIMIT 1
  ) AS way
  WHERE c.relnamespace = 'metering'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
    AND (a.attname IN ('author', 'witness') OR a.attname LIKE '%\_by')
$$;
COMMENT ON FUNCTION said_places IS
  'columns that name who said something, and the condition that finds the rows of societies $1';

CREATE FUNCTION societies_of_name(whose bigint) RETURNS int[] LANGUAGE sql STABLE
SET search_path = pg_catalog, metering, pg_temp AS $$
  SELECT coalesce(array_agg(DISTINCT own.society_id), '{}')
  FROM metering.account JOIN metering.membership AS own USING (account_id)
  WHERE account_id = whose AND NOT EXISTS (
    SELECT FROM metering.account AS other JOIN metering.membership AS theirs USING (account_id)
    WHERE other.name = account.name AND other.account_id <> whose AND theirs.society_id = own.society_id)
$$;
COMMENT ON FUNCTION societies_of_name IS
  'societies in which the name of a person is nobody else''s: elsewhere nobody can tell who of them said what';

CREATE FUNCTION erase_person(whose bigint, alias text, teller text, moment timestamptz) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, metering, pg_temp AS $$
DECLARE
  former text;
  own_login text;
  own int[];
  every int[];
  quoted text;
  named text;
  found record;
BEGIN
  IF alias IS NULL OR alias !~ '^person [0-9a-f]{8}$' THEN
    RAISE EXCEPTION '% is no pseudonym', alias;
  END IF;
  SELECT name, login INTO STRICT former, own_login FROM metering.account
  WHERE account_id = whose AND erased_at IS NULL FOR UPDATE;
  own := metering.societies_of_name(whose);
  every := ARRAY(SELECT DISTINCT society_id FROM metering.membership WHERE account_id = whose);

  -- An open flag is told anew with the pseudonym; of what was told last of others it takes the name's place.
  UPDATE metering.event SET tell_at = moment
  WHERE society_id = ANY (own) AND state = 'open' AND told ->> 'state' = 'open'
    AND former IN (acknowledged_by, handed_by);
  quoted := to_jsonb(former)::text;
  named := substr(quoted, 2, length(quoted) - 2);
  UPDATE metering.event
  SET told = replace(replace(told::text, '"by": ' || quoted, '"by": ' || to_jsonb(alias)::text),
                     '"message": "Muted by ' || named || ':', '"message": "Muted by ' || alias || ':')::jsonb
  WHERE society_id = ANY (own) AND NOT (state = 'open' AND told ->> 'state' = 'open')
    AND strpos(told::text, named) > 0;

  FOR found IN SELECT * FROM metering.said_places() LOOP
    EXECUTE format('UPDATE %1$s SET %2$I = $2 WHERE %2$I = $3 AND %3$s', found.place, found.said_by, found.own)
    USING own, alias, former;
  END LOOP;

  -- In a reason the whole name goes; one word alone may be another's, and goes where it stands as who vouches.
  quoted := regexp_replace(former, '([^[:alnum:][:space:]])', '\\\1', 'g');
  named := CASE WHEN former ~ '\s' THEN '(?<![[:alnum:]])' || quoted || '(?![[:alnum:]])'
           ELSE '(?<= \()' || quoted || '(?=\)$)' END;
  FOR found IN
    SELECT DISTINCT said.place, said.own, a.attname AS words
    FROM metering.said_places() AS said JOIN pg_attribute AS a ON a.attrelid = said.place
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
      AND (a.attname LIKE '%reason' OR a.attname LIKE '%because' OR a.attname = 'sentence')
  LOOP
    EXECUTE format('UPDATE %1$s SET %2$I = regexp_replace(%2$I, $3, $2, ''g'') WHERE %2$I ~ $3 AND %3$s',
                   found.place, found.words, found.own)
    USING own, alias, named;
  END LOOP;
  UPDATE metering.claim SET source = left(source, length(source) - length(former)) || alias
  WHERE source IN ('self-read by ' || former, 'entered by ' || former)
    AND channel_id IN (SELECT channel_id FROM metering.channel JOIN metering.meter USING (meter_id)
                       WHERE society_id = ANY (own));

  -- The audit log and invitations have the login too, and whom they are about.
  UPDATE metering.access_act SET author = alias WHERE author = own_login AND society_id = ANY (every);
  UPDATE metering.access_act
  SET about = alias, detail = CASE WHEN detail LIKE 'resident %' THEN 'resident' ELSE detail END
  WHERE about = own_login AND society_id = ANY (every)
     OR about = former AND society_id = ANY (own) AND what IN ('invited', 'invitation_withdrawn');
  UPDATE metering.invitation SET ended_by = alias WHERE ended_by = own_login AND society_id = ANY (every);
  UPDATE metering.invitation
  SET name = alias, unit = CASE WHEN unit IS NOT NULL AND ended_at IS NOT NULL THEN '' ELSE unit END
  WHERE society_id = ANY (own) AND name = former;

  DELETE FROM metering.web_session USING metering.membership
  WHERE membership.membership_id = web_session.membership_id AND account_id = whose;
  UPDATE metering.membership
  SET unit = CASE WHEN unit IS NOT NULL THEN '' END,
      ended_at = coalesce(ended_at, moment), ended_by = coalesce(ended_by, teller, alias)
  WHERE account_id = whose;
  UPDATE metering.account
  SET login = replace(alias, ' ', '-'), name = alias, password_hash = NULL, language = NULL,
      ended_at = coalesce(ended_at, moment), ended_by = coalesce(ended_by, teller, alias), erased_at = moment
  WHERE account_id = whose;
END
$$;
COMMENT ON FUNCTION erase_person IS
  'put a pseudonym in the place of a person: in the account, and as who said something; no value, time or signed byte changes';
