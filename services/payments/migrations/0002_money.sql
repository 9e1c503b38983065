-- Owners of a payment that can be told apart, money that can be held, captured, released and given
-- back, and a ledger of all of it.

-- Who works on a payment, by number: each takeover raises it, and whoever comes with an older one
-- writes nothing any more (a fencing token).
ALTER TABLE payments
  ADD COLUMN attempt integer NOT NULL DEFAULT 1,
  ADD COLUMN capture_method text NOT NULL DEFAULT 'automatic'
    CHECK (capture_method IN ('automatic', 'manual')),
  -- What was decided about money that is held, until the provider has done it.
  ADD COLUMN wanted text CHECK (wanted IN ('capture', 'void')),
  ADD COLUMN tax_cents integer NOT NULL DEFAULT 0 CHECK (tax_cents >= 0),
  ADD COLUMN refunded_cents integer NOT NULL DEFAULT 0 CHECK (refunded_cents >= 0),
  -- Of the idempotency key, and of the body that came with it, so that the key still finds its
  -- payment when its own row has expired, and another body does not.
  ADD COLUMN key_hash bytea,
  ADD COLUMN fingerprint bytea,
  DROP CONSTRAINT payments_status_check,
  DROP CONSTRAINT payments_check,
  DROP CONSTRAINT payments_check2;

ALTER TABLE payments
  ADD CONSTRAINT payments_status_known
    CHECK (status IN ('pending', 'authorized', 'captured', 'voided', 'declined')),
  ADD CONSTRAINT payments_provider_known
    CHECK ((status IN ('authorized', 'captured', 'voided')) = (provider_payment_id IS NOT NULL)),
  ADD CONSTRAINT payments_token_forgotten CHECK (status = 'pending' OR card_token IS NULL),
  ADD CONSTRAINT payments_work_left
    CHECK (next_check_at IS NULL OR status = 'pending' OR (status = 'authorized' AND wanted IS NOT NULL)),
  ADD CONSTRAINT payments_key_whole CHECK ((key_hash IS NULL) = (fingerprint IS NULL)),
  ADD CONSTRAINT payments_tax_is_a_part CHECK (tax_cents < amount_cents),
  ADD CONSTRAINT payments_refunds_covered
    CHECK (refunded_cents <= amount_cents AND (refunded_cents = 0 OR status = 'captured')),
  ADD CONSTRAINT payments_of_tenant UNIQUE (tenant_id, payment_id);

CREATE UNIQUE INDEX payments_by_key ON payments (tenant_id, key_hash);
CREATE INDEX payments_of_tenant_newest ON payments (tenant_id, created_at DESC, payment_id DESC);
DROP INDEX payments_to_check;
CREATE INDEX payments_to_check ON payments (next_check_at) WHERE next_check_at IS NOT NULL;

-- A key is worth asking about as long as its client may come again, and no longer.
ALTER TABLE idempotency_keys
  ADD COLUMN owner text,
  ADD COLUMN recovery_point text NOT NULL DEFAULT 'claimed'
    CHECK (recovery_point IN ('claimed', 'finished')),
  ADD COLUMN expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours';
-- They expire in the order in which they came, so a summary of each range of pages is index enough.
CREATE INDEX idempotency_keys_expired ON idempotency_keys USING brin (expires_at);

-- Money that is owed back. There is no state "failed": what is owed stays owed until it is paid.
CREATE TABLE refunds (
  refund_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  amount_cents integer NOT NULL CHECK (amount_cents > 0),
  -- What is taken back of the tax in the payment.
  tax_cents integer NOT NULL CHECK (tax_cents >= 0 AND tax_cents <= amount_cents),
  reason text NOT NULL,
  -- As a payment has them: asked for again after a day, it must not be given back twice.
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
CREATE INDEX refunds_to_do ON refunds (next_check_at) WHERE status = 'pending';

-- The double-entry ledger. A row that is wrong is answered by another row, never changed.
CREATE TABLE ledger_transactions (
  transaction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id uuid NOT NULL,
  -- What it was posted for. Once each: posting again changes nothing.
  source text NOT NULL CHECK (source IN ('capture', 'refund')),
  source_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  posted_at timestamptz NOT NULL DEFAULT now(),
  -- Readers of pages go by this: below the oldest transaction that is open nothing is added any more,
  -- while a transaction_id may be committed after a higher one. It counts in this cluster: whoever
  -- restores a dump into another sets that one's next transaction id higher (pg_resetwal) before.
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
  -- Debits are positive, credits negative, in minor units.
  amount_cents bigint NOT NULL CHECK (amount_cents <> 0),
  currency text NOT NULL,
  PRIMARY KEY (transaction_id, account, currency)
);

-- Looked at when the transaction of the database ends, once for each posting and not for each entry.
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

-- An entry comes together with its posting and never later, so what balanced then still does. It is
-- stricter than a foreign key, and looks once for each statement where that would for each row.
CREATE FUNCTION ledger_entries_come_with_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM entered e WHERE NOT EXISTS (
       SELECT FROM ledger_transactions t
       WHERE t.transaction_id = e.transaction_id AND t.posted_in = pg_current_xact_id()))
  THEN
    RAISE EXCEPTION 'an entry of the ledger without a posting of the same moment'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_entries_of_posting';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_of_posting AFTER INSERT ON ledger_entries
  REFERENCING NEW TABLE AS entered
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_come_with_posting();

-- The grants say so too; this is for whoever has more rights than the service.
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: post a transaction that takes the other back'
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON ledger_transactions FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

-- What the provider called about, once for each of its events.
CREATE TABLE provider_webhooks (
  event_id text PRIMARY KEY,
  type text NOT NULL,
  payment_id uuid,
  received_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE ON refunds TO payments;
GRANT SELECT, INSERT ON ledger_transactions, ledger_entries, provider_webhooks TO payments;
-- The only rows that are ever deleted: keys whose time is over.
GRANT DELETE ON idempotency_keys TO payments;
