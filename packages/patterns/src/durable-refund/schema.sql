-- Refunds of captured payments. There is no state "failed": a refund is pending until it is made.
-- `payments` stands for the table of the service. The pattern uses these columns of it.
CREATE TABLE payments (
  payment_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  status text NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  refunded_cents integer NOT NULL DEFAULT 0
    CHECK (refunded_cents >= 0 AND refunded_cents <= amount_cents),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, payment_id)
);

CREATE TABLE refunds (
  refund_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  -- The tax in the amount, which is refunded with it.
  tax_cents integer NOT NULL CHECK (tax_cents >= 0 AND tax_cents <= amount_cents),
  reason text NOT NULL,
  -- Null in the naive version, where the key does not lead to the refund.
  key_hash bytea,
  fingerprint bytea,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded')),
  provider_refund_id text UNIQUE,
  -- The columns of leased work: see the pattern `lease`.
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
