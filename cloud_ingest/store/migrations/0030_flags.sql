-- SPDX-License-Identifier: MIT
-- The life of a flag: how severe it is, whose unit it is about, who has seen it, who muted it, what
-- listeners were told, and each change of it.

ALTER TABLE event
  ADD COLUMN severity text NOT NULL DEFAULT 'alarm' CHECK (severity IN ('watch', 'alarm')),
  ADD COLUMN unit_type text,
  ADD COLUMN unit text,
  ADD COLUMN tower text,
  ADD COLUMN raises int NOT NULL DEFAULT 1,
  ADD COLUMN acknowledged_by text,
  ADD COLUMN acknowledged_at timestamptz,
  ADD COLUMN evidence_schema text,
  ADD COLUMN told jsonb,
  ADD COLUMN told_at timestamptz,
  ADD COLUMN tell_at timestamptz;
COMMENT ON COLUMN event.raises IS 'how often it was raised, its first time among them';
COMMENT ON COLUMN event.told IS
  'the last message as it was sent; null: listeners know nothing of it';
COMMENT ON COLUMN event.tell_at IS
  'when it is told again at the latest: a mute ends, or a change waits; null: nothing waits';

UPDATE event AS e
  SET told_at = coalesce(cleared_at, raised_at),
      told = jsonb_build_object(
        'schema', 'metering.event/1', 'id', e.event_id, 'society', society.name, 'kind', e.kind,
        'subject', jsonb_build_object('type', e.subject_type, 'id', e.subject),
        'service', e.service, 'state', e.state, 'since', e.since, 'raised_at', e.raised_at,
        'cleared_at', e.cleared_at, 'message', e.message, 'evidence', e.evidence)
  FROM society WHERE society.society_id = e.society_id;

UPDATE event SET severity = 'watch' WHERE kind IN ('held_change', 'prolonged_estimate');
UPDATE event SET unit_type = subject_type, unit = subject, tower = nullif(evidence ->> 'tower', '')
  WHERE subject_type IN ('unit', 'common', 'tower');
UPDATE event
  SET unit_type = evidence ->> 'subject_type', unit = evidence ->> 'subject',
      tower = nullif(evidence ->> 'tower', '')
  WHERE subject_type = 'meter' AND evidence ->> 'subject_type' IN ('unit', 'common')
    AND evidence ->> 'subject' <> '';
-- What is open is sent once more, now that its message says how severe it is and whose it is.
UPDATE event SET tell_at = now() WHERE state = 'open';

-- The same thing again, soon after its end, is the same flag.
CREATE INDEX event_of_subject ON event (society_id, kind, subject_type, subject, service);
CREATE INDEX event_to_tell ON event (tell_at) WHERE tell_at IS NOT NULL;

CREATE TABLE event_change (
  change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL REFERENCES event,
  at timestamptz NOT NULL,
  what text NOT NULL CHECK (what IN
    ('raised', 'updated', 'acknowledged', 'muted', 'unmuted', 'cleared', 'raised_again')),
  author text,
  reason text NOT NULL,
  version int,
  message text NOT NULL
);
CREATE INDEX event_change_of_event ON event_change (event_id, change_id);
COMMENT ON TABLE event_change IS 'each change of a flag, for ever: who, when, why, what';
COMMENT ON COLUMN event_change.author IS 'null: the rules';
COMMENT ON COLUMN event_change.version IS 'of the message that told it; null: nobody was told';
COMMENT ON COLUMN event_change.message IS 'the sentence of the flag then';

CREATE TABLE event_mute (
  mute_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  kind text NOT NULL,
  subject_type text NOT NULL,
  subject text NOT NULL,
  until timestamptz NOT NULL,
  author text NOT NULL,
  reason text NOT NULL,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  ended_by text,
  ended_reason text
);
CREATE UNIQUE INDEX event_mute_once
  ON event_mute (society_id, kind, subject_type, subject) WHERE ended_at IS NULL;
COMMENT ON TABLE event_mute IS 'flags that a person does not want to be told of, until a date';
COMMENT ON COLUMN event_mute.ended_by IS 'null: its date came';

CREATE TABLE webhook (
  webhook_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  url text NOT NULL UNIQUE,
  kinds text[],
  societies text[],
  active boolean NOT NULL DEFAULT true,
  delivered bigint NOT NULL DEFAULT 0,
  dropped bigint NOT NULL DEFAULT 0,
  dropped_at timestamptz,
  answered_at timestamptz,
  failed_at timestamptz,
  failure text
);
COMMENT ON TABLE webhook IS 'who gets flags by HTTP: what the settings of the service say';
COMMENT ON COLUMN webhook.kinds IS 'null: all';
COMMENT ON COLUMN webhook.dropped IS 'messages that nobody had taken when they were too old';
COMMENT ON COLUMN webhook.failure IS 'what happened to the newest try; null: it was taken';

CREATE TABLE webhook_delivery (
  delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  webhook_id int NOT NULL REFERENCES webhook,
  event_id uuid NOT NULL,
  version int NOT NULL,
  payload bytea NOT NULL,
  created_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL
);
CREATE INDEX webhook_delivery_order ON webhook_delivery (webhook_id, event_id, delivery_id);
CREATE INDEX webhook_delivery_age ON webhook_delivery (created_at);
COMMENT ON TABLE webhook_delivery IS 'messages that a webhook has not taken yet';
