-- Listings, their publications (one attempt each to pay for going live), and the events of both.

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
  -- The terms of title, company and description, by packages/contracts/src/search-terms.ts. Not made
  -- here: the parser of PostgreSQL takes C++ for C, and alerts must find what the search finds.
  search tsvector NOT NULL,
  CHECK (salary_min_eur <= salary_max_eur),
  CHECK ((status = 'live') = (published_at IS NOT NULL))
);

CREATE INDEX listings_live ON listings (published_at DESC, listing_id DESC) WHERE status = 'live';
CREATE INDEX listings_search ON listings USING gin (search) WHERE status = 'live';

CREATE TABLE publications (
  publication_id uuid PRIMARY KEY,
  listing_id uuid NOT NULL REFERENCES listings,
  tenant_id uuid NOT NULL,
  plan text NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  currency text NOT NULL,
  status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'captured', 'declined', 'published')),
  payment_id uuid,
  -- A token of the card provider, never a card number. Needed to ask again; forgotten with the answer.
  card_token text,
  next_check_at timestamptz,
  checks integer NOT NULL DEFAULT 0,
  -- Raised by each takeover: a fencing token for the owner of the publication.
  attempt integer NOT NULL DEFAULT 1,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (status = 'pending' OR (card_token IS NULL AND next_check_at IS NULL)),
  CHECK (status IN ('pending', 'declined') OR payment_id IS NOT NULL)
);

CREATE INDEX publications_to_check ON publications (next_check_at) WHERE status = 'pending';
-- At most one publication of a listing may be on its way, whatever the code above believes.
CREATE UNIQUE INDEX publications_open ON publications (listing_id)
  WHERE status IN ('pending', 'captured', 'published');

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
  PRIMARY KEY (tenant_id, route, key)
);

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

-- Which relay publishes: the epoch grows with each that takes over, and fences the one before it.
CREATE TABLE outbox_lane (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch integer NOT NULL,
  held_until timestamptz NOT NULL
);
INSERT INTO outbox_lane (epoch, held_until) VALUES (0, '-infinity');

-- Which events have been applied. Written in the transaction of the effect, or it would prove nothing.
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
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);

-- The service's own role: no DDL, no DELETE anywhere, and keys it can only read.
GRANT USAGE ON SCHEMA public TO listings;
GRANT SELECT, INSERT, UPDATE ON listings, publications, idempotency_keys, outbox TO listings;
GRANT SELECT, INSERT ON inbox TO listings;
GRANT SELECT ON api_keys TO listings;
