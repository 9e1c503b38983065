-- Payments, the keys that make them happen once, and the events that tell of them.

CREATE TABLE payments (
  payment_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  listing_id uuid NOT NULL,
  publication_id uuid NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  currency text NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'captured', 'declined')),
  decline_reason text,
  provider_payment_id text UNIQUE,
  -- A token of the provider, never a card number. Needed to ask again; forgotten with the answer.
  card_token text,
  -- Goes up with each change of state, and is the version of the event that tells of it.
  version integer NOT NULL DEFAULT 1,
  next_check_at timestamptz,
  checks integer NOT NULL DEFAULT 0,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((status = 'captured') = (provider_payment_id IS NOT NULL)),
  CHECK ((status = 'declined') = (decline_reason IS NOT NULL)),
  CHECK (status = 'pending' OR (card_token IS NULL AND next_check_at IS NULL))
);

CREATE INDEX payments_to_check ON payments (next_check_at) WHERE status = 'pending';

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

CREATE TABLE api_keys (
  key_id text PRIMARY KEY,
  -- NULL for a service, which names the tenant that it acts for.
  tenant_id uuid,
  secret_hash bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);

-- The service's own role: no DDL, no DELETE anywhere, and keys it can only read.
GRANT USAGE ON SCHEMA public TO payments;
GRANT SELECT, INSERT, UPDATE ON payments, idempotency_keys, outbox TO payments;
GRANT SELECT ON api_keys TO payments;
