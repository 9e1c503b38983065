-- What is deleted, and by whom. How long it is kept is in limits.ts, the reasons in docs/what-is-kept.md.

-- A BRIN index was of no use once the pages of deleted keys were filled again.
DROP INDEX idempotency_keys_expired;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE INDEX provider_webhooks_oldest ON provider_webhooks (received_at);
GRANT DELETE ON provider_webhooks TO payments_worker;

-- No statement used the index of this constraint, and the ids are random.
ALTER TABLE outbox DROP CONSTRAINT outbox_event_id_key;

-- An event that was not published is not deleted, whatever the code believes.
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY staged ON outbox FOR INSERT TO payments_worker WITH CHECK (true);
CREATE POLICY to_look_at ON outbox FOR SELECT TO payments_worker, payments_relay, payments_reader
  USING (true);
CREATE POLICY marked ON outbox FOR UPDATE TO payments_relay USING (true);
CREATE POLICY published_only ON outbox FOR DELETE TO payments_worker
  USING (published_at IS NOT NULL);
GRANT SELECT, DELETE ON outbox TO payments_worker;
