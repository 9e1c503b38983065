-- Who may see and do what with a row of money.

-- Requests on behalf of an employer: its own rows, below. A payment is begun and settled by the worker.
REVOKE ALL ON payments, idempotency_keys, outbox, refunds, ledger_transactions, ledger_entries,
  provider_webhooks FROM payments;
GRANT SELECT ON payments, ledger_transactions, ledger_entries TO payments;
GRANT UPDATE (refunded_cents, wanted, checks, attempt, next_check_at, updated_at)
  ON payments TO payments;
GRANT SELECT, INSERT, UPDATE ON refunds, idempotency_keys TO payments;
GRANT INSERT ON ledger_transactions, ledger_entries TO payments;

-- What works for all tenants: the phases of payments, many at a time; the jobs; the webhooks.
GRANT SELECT, INSERT, UPDATE ON payments, idempotency_keys TO payments_worker;
-- The only rows that are ever deleted: keys whose time is over.
GRANT DELETE ON idempotency_keys TO payments_worker;
GRANT SELECT, UPDATE ON refunds TO payments_worker;
GRANT INSERT ON outbox TO payments_worker;
GRANT SELECT, INSERT ON ledger_transactions, ledger_entries, provider_webhooks TO payments_worker;

GRANT SELECT ON refunds, ledger_transactions, ledger_entries TO payments_reader;

-- The tenant of a transaction. Unset, or of an earlier transaction, it is nobody.
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

-- The worker's statements read by key, whatever the key is, so one plan for each connection is enough:
-- made anew each time, a payment alone costs the database twice as much. It is made again whenever
-- autovacuum has looked at a table that has grown.
ALTER ROLE payments_worker SET plan_cache_mode = force_generic_plan;
