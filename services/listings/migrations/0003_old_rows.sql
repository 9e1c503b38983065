-- What is deleted, and by whom. How long it is kept is in limits.ts, the reasons in docs/what-is-kept.md.

-- A BRIN index was of no use once the pages of deleted keys were filled again.
DROP INDEX idempotency_keys_expired;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
GRANT DELETE ON idempotency_keys TO listings_worker;

CREATE INDEX inbox_oldest ON inbox (applied_at);
GRANT DELETE ON inbox TO listings_worker;

-- Only what payments has certainly not begun: a publication with money is never deleted.
CREATE INDEX publications_withdrawn ON publications (updated_at) WHERE status = 'withdrawn';
DROP POLICY all_rows ON publications;
CREATE POLICY all_rows_seen ON publications FOR SELECT TO listings_worker USING (true);
CREATE POLICY all_rows_changed ON publications FOR UPDATE TO listings_worker USING (true);
CREATE POLICY withdrawn_only ON publications FOR DELETE TO listings_worker
  USING (status = 'withdrawn');
GRANT DELETE ON publications TO listings_worker;

-- No statement used the index of this constraint, and the ids are random.
ALTER TABLE outbox DROP CONSTRAINT outbox_event_id_key;

-- An event that was not published is not deleted, whatever the code believes.
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY staged ON outbox FOR INSERT TO listings_worker WITH CHECK (true);
CREATE POLICY to_look_at ON outbox FOR SELECT TO listings_worker, listings_relay, listings_reader
  USING (true);
CREATE POLICY marked ON outbox FOR UPDATE TO listings_relay USING (true);
CREATE POLICY published_only ON outbox FOR DELETE TO listings_worker
  USING (published_at IS NOT NULL);
GRANT SELECT, DELETE ON outbox TO listings_worker;
