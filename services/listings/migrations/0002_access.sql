-- Who may do what with a row, and what is known of an API key.

-- Of the keys from before no hash with a pepper can be made: they are over.
UPDATE api_keys SET revoked_at = now() WHERE revoked_at IS NULL;
ALTER TABLE api_keys
  ADD COLUMN last4 text NOT NULL DEFAULT '',
  ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN slot smallint NOT NULL DEFAULT 1 CHECK (slot IN (1, 2));
ALTER TABLE api_keys
  ALTER COLUMN last4 DROP DEFAULT,
  ALTER COLUMN scopes DROP DEFAULT,
  ALTER COLUMN slot DROP DEFAULT;
-- Two in use at a time, so that the next key can be handed out before the last is revoked.
CREATE UNIQUE INDEX api_keys_two_in_use ON api_keys (tenant_id, slot) NULLS NOT DISTINCT
  WHERE revoked_at IS NULL;

-- Who works with a table does not own it: an owner may drop it, and grant itself whatever it lacks.
DO $$
DECLARE ours regclass;
BEGIN
  FOR ours IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO listings_owner', ours);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO listings_worker, listings_relay, listings_reader;
-- Requests of employers: their rows below, and the keys to know them by.
REVOKE ALL ON outbox, inbox FROM listings;
-- What works for all tenants: the public search, the consumer, the job.
GRANT SELECT, UPDATE ON listings, publications, idempotency_keys TO listings_worker;
GRANT INSERT ON outbox TO listings_worker;
GRANT SELECT, INSERT ON inbox TO listings_worker;
-- The relay.
GRANT SELECT, UPDATE (published_at) ON outbox TO listings_relay;
GRANT SELECT, UPDATE (epoch, held_until) ON outbox_lane TO listings_relay;
-- Whoever only looks. Keys and answers under idempotency keys are nobody's business.
GRANT SELECT ON listings, publications, outbox, inbox TO listings_reader;

-- The tenant of a transaction. Unset, or of an earlier transaction, it is nobody.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE
  RETURN nullif(current_setting('app.tenant', true), '')::uuid;
ALTER FUNCTION current_tenant() OWNER TO listings_owner;

ALTER TABLE listings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE publications ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY own_rows ON listings TO listings USING (tenant_id = current_tenant());
CREATE POLICY own_rows ON publications TO listings USING (tenant_id = current_tenant());
CREATE POLICY own_rows ON idempotency_keys TO listings USING (tenant_id = current_tenant());

-- Not `BYPASSRLS`: that would open every table, also the next one. Not `status = 'live'` for the
-- search either: a condition of a policy comes before one that might leak, so the index on `search`
-- would never be used.
CREATE POLICY all_rows ON listings TO listings_worker USING (true);
CREATE POLICY all_rows ON publications TO listings_worker USING (true);
CREATE POLICY all_rows ON idempotency_keys TO listings_worker USING (true);

CREATE POLICY to_look_at ON listings FOR SELECT TO listings_reader USING (true);
CREATE POLICY to_look_at ON publications FOR SELECT TO listings_reader USING (true);

-- A foreign key looks past these policies: it must not find another tenant's listing.
ALTER TABLE listings ADD UNIQUE (listing_id, tenant_id);
ALTER TABLE publications ADD FOREIGN KEY (listing_id, tenant_id)
  REFERENCES listings (listing_id, tenant_id);
ALTER TABLE publications DROP CONSTRAINT publications_listing_id_fkey;
