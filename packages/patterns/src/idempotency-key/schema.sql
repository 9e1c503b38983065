-- One row per idempotency key of a caller and route.
CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  -- SHA-256 of the validated request: the same key with another request is refused.
  fingerprint bytea NOT NULL,
  -- What the key created: a payment, a refund, a publication.
  subject_id uuid NOT NULL UNIQUE,
  -- Until then, its owner may be working. After that, another attempt may take over.
  leased_until timestamptz NOT NULL,
  -- The final answer, which is replayed byte for byte.
  response_status integer,
  response_headers jsonb,
  response_body text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  PRIMARY KEY (tenant_id, route, key)
);
-- Finds the keys that expired first. A partial index of the answered ones would be smaller, but then
-- storing an answer could not leave the other indexes alone (a HOT update). A BRIN index was of no use
-- once the pages of deleted keys were filled again.
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- With these columns, a table of subjects still knows its keys after their rows have expired.
-- `subjects` stands for the table of the service.
CREATE TABLE subjects (
  subject_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  key_hash bytea,
  fingerprint bytea,
  CHECK ((key_hash IS NULL) = (fingerprint IS NULL))
);
CREATE UNIQUE INDEX subjects_by_key ON subjects (tenant_id, key_hash);
