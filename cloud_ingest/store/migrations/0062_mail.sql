-- SPDX-License-Identifier: MIT
-- Mail uses the queues of webhooks; a digest goes once a day, whoever leads.
-- beside: 0061

ALTER TABLE webhook ADD COLUMN severity text, ADD COLUMN quiet_digest boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN webhook.url IS 'where: https://… or mailto:…';
COMMENT ON COLUMN webhook.messages IS 'what it gets: events, billing, reconciliation, month, digest';
COMMENT ON COLUMN webhook.severity IS 'flags of this severity alone; null: of any';
COMMENT ON COLUMN webhook.quiet_digest IS 'it gets a digest that has nothing to tell';

CREATE TABLE digest (
  society_id int NOT NULL REFERENCES society,
  day date NOT NULL,
  made_at timestamptz NOT NULL,
  PRIMARY KEY (society_id, day)
);
COMMENT ON TABLE digest IS 'the mornings whose digest was made';

CREATE OR REPLACE FUNCTION outbox_to_webhooks() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, metering, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM webhook WHERE active AND messages && '{billing,reconciliation,month}') THEN
    INSERT INTO webhook_delivery (webhook_id, event_id, version, payload, created_at, due_at)
    SELECT webhook_id, md5(topic)::uuid, coalesce((said ->> 'version')::int, 1), payload, now(), now()
    FROM (
      SELECT outbox_id, topic, payload,
             CASE WHEN topic ~ '^metering/v1/society/[^/]+/billing/[^/]+/manifest$' THEN '{billing,month}'
                  WHEN split_part(topic, '/', 5) = 'reconciliation' THEN '{reconciliation,month}'
                  ELSE '{billing}' END::text[] AS kinds,
             CASE WHEN topic ~ '^metering/v1/society/[^/]+/(billing|reconciliation)/'
                       AND octet_length(payload) > 0
                  THEN convert_from(payload, 'UTF8')::jsonb END AS said
      FROM added WHERE attempts = 0
    ) AS told
    JOIN webhook ON active AND told.kinds && messages
      AND (societies IS NULL OR said ->> 'society' = ANY (societies))
    WHERE said IS NOT NULL
    ORDER BY outbox_id;
  END IF;
  RETURN NULL;
END
$$;
