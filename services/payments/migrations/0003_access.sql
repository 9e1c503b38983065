-- Who may do what, and what is known of an API key.

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
  FOR ours IN SELECT oid FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO payments_owner', ours);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO payments_worker, payments_relay, payments_reader;
-- The relay.
GRANT SELECT, UPDATE (published_at) ON outbox TO payments_relay;
GRANT SELECT, UPDATE (epoch, held_until) ON outbox_lane TO payments_relay;
-- Whoever only looks.
GRANT SELECT ON payments, outbox TO payments_reader;
