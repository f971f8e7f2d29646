-- SPDX-License-Identifier: MIT
-- A webhook may get billing's numbers and the towers' balances, too: the bytes of their topics.
-- beside: 0060

ALTER TABLE webhook ADD COLUMN messages text[] NOT NULL DEFAULT '{events}';
COMMENT ON COLUMN webhook.messages IS 'what it gets: events, billing, reconciliation, digest';
COMMENT ON COLUMN webhook_delivery.event_id IS
  'of a flag its id; of another message the MD5 of its topic: of one id messages leave in order';

CREATE FUNCTION outbox_to_webhooks() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, metering, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM webhook WHERE active AND messages && '{billing,reconciliation}') THEN
    INSERT INTO webhook_delivery (webhook_id, event_id, version, payload, created_at, due_at)
    SELECT webhook_id, md5(topic)::uuid, coalesce((said ->> 'version')::int, 1), payload, now(), now()
    FROM (
      SELECT outbox_id, topic, payload, split_part(topic, '/', 5) AS level,
             CASE WHEN topic ~ '^metering/v1/society/[^/]+/(billing|reconciliation)/'
                       AND octet_length(payload) > 0
                  THEN convert_from(payload, 'UTF8')::jsonb END AS said
      FROM added WHERE attempts = 0
    ) AS told
    JOIN webhook ON active AND level = ANY (messages)
      AND (societies IS NULL OR said ->> 'society' = ANY (societies))
    WHERE said IS NOT NULL
    ORDER BY outbox_id;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION outbox_to_webhooks IS
  'what is put into the outbox for billing and accounting goes to webhooks that want it, once';
CREATE TRIGGER to_webhooks AFTER INSERT ON outbox REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION outbox_to_webhooks();
