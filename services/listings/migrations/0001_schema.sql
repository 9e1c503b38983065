-- Listings, their publications (one attempt each to pay for going live), and the tables of the
-- patterns that this service uses.

CREATE TABLE listings (
  listing_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  title text NOT NULL,
  company text NOT NULL,
  description text NOT NULL,
  area text NOT NULL,
  seniority text NOT NULL,
  salary_min_eur integer NOT NULL,
  salary_max_eur integer NOT NULL,
  status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'payment_pending', 'live')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  -- The terms of title, company and description, by packages/contracts/src/search-terms.ts. They are
  -- not made here: the parser of PostgreSQL reads C++ as C, and alerts must find what the search finds.
  search tsvector NOT NULL,
  UNIQUE (listing_id, tenant_id),
  CHECK (salary_min_eur <= salary_max_eur),
  CHECK ((status = 'live') = (published_at IS NOT NULL))
);
CREATE INDEX listings_live ON listings (published_at DESC, listing_id DESC) WHERE status = 'live';
CREATE INDEX listings_search ON listings USING gin (search) WHERE status = 'live';

CREATE TABLE publications (
  publication_id uuid PRIMARY KEY,
  listing_id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  plan text NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  currency text NOT NULL,
  status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'withdrawn', 'captured', 'declined', 'published')),
  payment_id uuid,
  -- A token of the card provider, never a card number. Needed to ask again; cleared with the answer.
  card_token text,
  -- SHA-256 of the idempotency key and of its request: they find the publication by its key.
  key_hash bytea,
  fingerprint bytea,
  -- Leased work: packages/patterns/src/lease.
  attempt integer NOT NULL DEFAULT 1,
  next_check_at timestamptz,
  checks integer NOT NULL DEFAULT 0,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- A foreign key is checked without the policies below: it must not find another tenant's listing.
  FOREIGN KEY (listing_id, tenant_id) REFERENCES listings (listing_id, tenant_id),
  CHECK ((key_hash IS NULL) = (fingerprint IS NULL)),
  CHECK (status = 'pending' OR (card_token IS NULL AND next_check_at IS NULL)),
  CHECK (status IN ('pending', 'withdrawn', 'declined') OR payment_id IS NOT NULL)
);
CREATE UNIQUE INDEX publications_by_key ON publications (tenant_id, key_hash);
CREATE INDEX publications_due ON publications (next_check_at) WHERE next_check_at IS NOT NULL;
-- At most one publication of a listing may be in progress, whatever the code believes.
CREATE UNIQUE INDEX publications_open ON publications (listing_id)
  WHERE status IN ('pending', 'captured', 'published');

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

-- packages/patterns/src/inbox/schema.sql
CREATE TABLE inbox (
  consumer text NOT NULL,
  event_id uuid NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
);

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
  FOR ours IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO listings_owner', ours);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO listings, listings_worker, listings_relay, listings_reader;

-- Requests of employers: their own rows, by the policies below. No DDL and no DELETE.
GRANT SELECT, INSERT, UPDATE ON listings, publications, idempotency_keys TO listings;
GRANT SELECT ON api_keys TO listings;

-- What works for all tenants: the public search, the consumer, the job.
GRANT SELECT, UPDATE ON listings, publications, idempotency_keys TO listings_worker;
GRANT INSERT ON outbox TO listings_worker;
GRANT SELECT, INSERT ON inbox TO listings_worker;

-- The relay.
GRANT SELECT, UPDATE (published_at) ON outbox TO listings_relay;
GRANT SELECT, UPDATE (epoch, held_until) ON outbox_lane TO listings_relay;

-- Readers: the auditor. Keys and stored answers are not for them.
GRANT SELECT ON listings, publications, outbox, inbox TO listings_reader;

-- The tenant of a transaction. Without one, no row is visible.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE
  RETURN nullif(current_setting('app.tenant', true), '')::uuid;
ALTER FUNCTION current_tenant() OWNER TO listings_owner;

ALTER TABLE listings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE publications ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY own_rows ON listings TO listings USING (tenant_id = current_tenant());
CREATE POLICY own_rows ON publications TO listings USING (tenant_id = current_tenant());
CREATE POLICY own_rows ON idempotency_keys TO listings USING (tenant_id = current_tenant());

-- Not `BYPASSRLS`: that would open every table, also a later one. And not `status = 'live'` for the
-- search: PostgreSQL evaluates the condition of a policy before one that might leak, so the index on
-- `search` would never be used.
CREATE POLICY all_rows ON listings TO listings_worker USING (true);
CREATE POLICY all_rows ON publications TO listings_worker USING (true);
CREATE POLICY all_rows ON idempotency_keys TO listings_worker USING (true);

CREATE POLICY to_look_at ON listings FOR SELECT TO listings_reader USING (true);
CREATE POLICY to_look_at ON publications FOR SELECT TO listings_reader USING (true);
