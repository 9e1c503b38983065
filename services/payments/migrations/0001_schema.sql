-- Payments, refunds, the ledger, and the tables of the patterns that this service uses.

CREATE TABLE payments (
  payment_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  listing_id uuid NOT NULL,
  publication_id uuid NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  -- The tax in the amount.
  tax_cents integer NOT NULL DEFAULT 0 CHECK (tax_cents >= 0),
  currency text NOT NULL,
  capture_method text NOT NULL DEFAULT 'automatic'
    CHECK (capture_method IN ('automatic', 'manual')),
  status text NOT NULL DEFAULT 'pending' CONSTRAINT payments_status_known
    CHECK (status IN ('pending', 'authorized', 'captured', 'voided', 'declined')),
  decline_reason text,
  -- What was decided about authorized money, until the provider has done it.
  requested_action text CHECK (requested_action IN ('capture', 'void')),
  provider_payment_id text UNIQUE,
  refunded_cents integer NOT NULL DEFAULT 0 CHECK (refunded_cents >= 0),
  -- A token of the provider, never a card number. Needed to ask again; cleared with the outcome.
  card_token text,
  -- Raised by each change of state. It is the version in the event about the change.
  version integer NOT NULL DEFAULT 1,
  -- SHA-256 of the idempotency key and of the request that came with it. They find the payment after
  -- the row of its key has expired, and refuse another request under the same key.
  key_hash bytea,
  fingerprint bytea,
  -- Leased work: packages/patterns/src/lease.
  attempt integer NOT NULL DEFAULT 1,
  next_check_at timestamptz,
  checks integer NOT NULL DEFAULT 0,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payments_of_tenant UNIQUE (tenant_id, payment_id),
  CONSTRAINT payments_decline_explained
    CHECK ((status = 'declined') = (decline_reason IS NOT NULL)),
  CONSTRAINT payments_provider_known
    CHECK ((status IN ('authorized', 'captured', 'voided')) = (provider_payment_id IS NOT NULL)),
  CONSTRAINT payments_token_forgotten CHECK (status = 'pending' OR card_token IS NULL),
  CONSTRAINT payments_work_left CHECK (next_check_at IS NULL OR status = 'pending'
    OR (status = 'authorized' AND requested_action IS NOT NULL)),
  CONSTRAINT payments_key_whole CHECK ((key_hash IS NULL) = (fingerprint IS NULL)),
  CONSTRAINT payments_tax_is_a_part CHECK (tax_cents < amount_cents),
  CONSTRAINT payments_refunds_covered
    CHECK (refunded_cents <= amount_cents AND (refunded_cents = 0 OR status = 'captured'))
);
CREATE UNIQUE INDEX payments_by_key ON payments (tenant_id, key_hash);
CREATE INDEX payments_of_tenant_newest ON payments (tenant_id, created_at DESC, payment_id DESC);
CREATE INDEX payments_due ON payments (next_check_at) WHERE next_check_at IS NOT NULL;

-- packages/patterns/src/idempotency-key/schema.sql
CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  subject_id uuid NOT NULL UNIQUE,
  leased_until timestamptz NOT NULL,
  response_status integer,
  response_headers jsonb,
  response_body text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  PRIMARY KEY (tenant_id, route, key)
);
CREATE INDEX idempotency_keys_expired ON idempotency_keys USING brin (expires_at);

-- packages/patterns/src/outbox/schema.sql
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL UNIQUE,
  topic text NOT NULL,
  aggregate_id uuid NOT NULL,
  payload text NOT NULL,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;

CREATE TABLE outbox_lane (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch integer NOT NULL,
  held_until timestamptz NOT NULL
);
INSERT INTO outbox_lane (epoch, held_until) VALUES (0, '-infinity');

-- packages/patterns/src/durable-refund/schema.sql
CREATE TABLE refunds (
  refund_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  tax_cents integer NOT NULL CHECK (tax_cents >= 0 AND tax_cents <= amount_cents),
  reason text NOT NULL,
  key_hash bytea,
  fingerprint bytea,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded')),
  provider_refund_id text UNIQUE,
  attempt integer NOT NULL DEFAULT 1,
  next_check_at timestamptz,
  checks integer NOT NULL DEFAULT 0,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  succeeded_at timestamptz,
  FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, payment_id),
  CHECK ((key_hash IS NULL) = (fingerprint IS NULL)),
  CHECK ((status = 'succeeded') = (provider_refund_id IS NOT NULL)),
  CHECK ((status = 'succeeded') = (next_check_at IS NULL))
);
CREATE UNIQUE INDEX refunds_by_key ON refunds (tenant_id, key_hash);
CREATE INDEX refunds_of_payment ON refunds (payment_id);
CREATE INDEX refunds_due ON refunds (next_check_at) WHERE next_check_at IS NOT NULL;

-- packages/patterns/src/webhook-hint/schema.sql
CREATE TABLE provider_webhooks (
  event_id text PRIMARY KEY,
  type text NOT NULL,
  subject_id uuid,
  received_at timestamptz NOT NULL DEFAULT now()
);

-- The double-entry ledger. A wrong row is corrected by another row, never changed.
CREATE TABLE ledger_transactions (
  transaction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id uuid NOT NULL,
  -- What it was posted for. Each source is posted once.
  source text NOT NULL CHECK (source IN ('capture', 'refund')),
  source_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  posted_at timestamptz NOT NULL DEFAULT now(),
  -- The order of pages: nothing is added any more below the oldest open transaction, while a
  -- transaction_id may be committed after a higher one. It counts in this cluster: after restoring a
  -- dump into another one, that one's next transaction id has to be set higher first (pg_resetwal).
  posted_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
  UNIQUE (source, source_id)
);
CREATE INDEX ledger_of_tenant
  ON ledger_transactions (tenant_id, posted_at, posted_in, transaction_id);

CREATE TABLE ledger_entries (
  transaction_id bigint NOT NULL,
  tenant_id uuid NOT NULL,
  account text NOT NULL
    CHECK (account IN ('provider_clearing', 'revenue', 'tax', 'refunds', 'fees')),
  -- Debits are positive, credits negative, in cents.
  amount_cents bigint NOT NULL CHECK (amount_cents <> 0),
  currency text NOT NULL,
  PRIMARY KEY (transaction_id, account, currency)
);

-- Checked when the database transaction ends, once for each posting and not for each entry.
CREATE FUNCTION ledger_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT bool_and(rest = 0) FROM (
        SELECT sum(amount_cents) AS rest FROM ledger_entries
        WHERE transaction_id = NEW.transaction_id GROUP BY currency) AS by_currency) IS NOT TRUE
  THEN
    RAISE EXCEPTION 'ledger transaction % does not sum to zero', NEW.transaction_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON ledger_transactions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_must_balance();

-- An entry comes together with its posting and never later, so what balanced once still does. This is
-- stricter than a foreign key, and is checked once per statement instead of once per row.
CREATE FUNCTION ledger_entries_come_with_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM entered e WHERE NOT EXISTS (
       SELECT FROM ledger_transactions t
       WHERE t.transaction_id = e.transaction_id AND t.posted_in = pg_current_xact_id()))
  THEN
    RAISE EXCEPTION 'an entry of the ledger without a posting in the same transaction'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_entries_of_posting';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_of_posting AFTER INSERT ON ledger_entries
  REFERENCING NEW TABLE AS entered
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_come_with_posting();

-- The grants forbid it too; this is for roles with more rights than the service.
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: post a transaction that reverses the other'
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON ledger_transactions FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

CREATE TABLE api_keys (
  key_id text PRIMARY KEY,
  -- NULL for a service, which names the tenant that it acts for.
  tenant_id uuid,
  secret_hash bytea NOT NULL,
  last4 text NOT NULL,
  scopes text[] NOT NULL,
  slot smallint NOT NULL CHECK (slot IN (1, 2)),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
-- Two keys in use at a time, so that the next one can be handed out before the last is revoked.
CREATE UNIQUE INDEX api_keys_two_in_use ON api_keys (tenant_id, slot) NULLS NOT DISTINCT
  WHERE revoked_at IS NULL;

-- The roles that work with a table do not own it: an owner may drop it, and grant itself any right.
DO $$
DECLARE ours regclass;
BEGIN
  FOR ours IN SELECT oid FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO payments_owner', ours);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO payments, payments_worker, payments_relay, payments_reader;

-- Requests on behalf of an employer: its own rows, by the policies below. No DDL and no DELETE.
-- Payments are begun and settled by the worker.
GRANT SELECT ON payments, ledger_transactions, ledger_entries, api_keys TO payments;
GRANT UPDATE (refunded_cents, requested_action, checks, attempt, next_check_at, updated_at)
  ON payments TO payments;
GRANT SELECT, INSERT, UPDATE ON refunds, idempotency_keys TO payments;
GRANT INSERT ON ledger_transactions, ledger_entries TO payments;

-- What works for all tenants: the phases of payments, many at a time; the jobs; the webhooks.
GRANT SELECT, INSERT, UPDATE ON payments, idempotency_keys TO payments_worker;
-- The only rows that are ever deleted: expired keys.
GRANT DELETE ON idempotency_keys TO payments_worker;
GRANT SELECT, UPDATE ON refunds TO payments_worker;
GRANT INSERT ON outbox TO payments_worker;
GRANT SELECT, INSERT ON ledger_transactions, ledger_entries, provider_webhooks TO payments_worker;

-- The relay.
GRANT SELECT, UPDATE (published_at) ON outbox TO payments_relay;
GRANT SELECT, UPDATE (epoch, held_until) ON outbox_lane TO payments_relay;

-- Readers: the auditor and reconciliation. Keys and stored answers are not for them.
GRANT SELECT ON payments, outbox, refunds, ledger_transactions, ledger_entries TO payments_reader;

-- The tenant of a transaction. Without one, no row is visible.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE
  RETURN nullif(current_setting('app.tenant', true), '')::uuid;
ALTER FUNCTION current_tenant() OWNER TO payments_owner;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY
    ARRAY['payments', 'idempotency_keys', 'refunds', 'ledger_transactions', 'ledger_entries']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY own_rows ON %I TO payments USING (tenant_id = current_tenant())', name);
    EXECUTE format('CREATE POLICY all_rows ON %I TO payments_worker USING (true)', name);
    IF name <> 'idempotency_keys' THEN
      EXECUTE format(
        'CREATE POLICY to_look_at ON %I FOR SELECT TO payments_reader USING (true)', name);
    END IF;
  END LOOP;
END $$;

-- The worker's statements read by key, whatever the key is, so one plan per connection is enough.
-- Planned anew each time, one payment alone costs the database twice as much. The plan is made again
-- when autovacuum has analyzed a table that has grown.
ALTER ROLE payments_worker SET plan_cache_mode = force_generic_plan;
