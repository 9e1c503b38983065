-- One row per idempotency key of a caller and route.
CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  -- SHA-256 of the validated request: the same key with another request is refused.
  fingerprint bytea NOT NULL,
  -- What the key stands for: a payment, a refund, a publication.
  subject_id uuid NOT NULL UNIQUE,
  -- Until then its owner may be at work. Later, another attempt takes over.
  leased_until timestamptz NOT NULL,
  -- The final answer, to be replayed byte for byte.
  response_status integer,
  response_headers jsonb,
  response_body text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  PRIMARY KEY (tenant_id, route, key)
);
-- Keys expire in the order in which they came, so a summary of each range of pages is index enough.
CREATE INDEX idempotency_keys_expired ON idempotency_keys USING brin (expires_at);

-- A table of subjects remembers what its key was after the row of the key has expired, with these
-- columns. `subjects` stands for the table of the service.
CREATE TABLE subjects (
  subject_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  key_hash bytea,
  fingerprint bytea,
  CHECK ((key_hash IS NULL) = (fingerprint IS NULL))
);
CREATE UNIQUE INDEX subjects_by_key ON subjects (tenant_id, key_hash);
