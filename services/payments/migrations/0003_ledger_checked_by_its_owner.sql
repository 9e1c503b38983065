-- The checks of the ledger did not see what the policies hide from the role that posts, and ran once:
-- after SET CONSTRAINTS ALL IMMEDIATE, one more entry was not looked at. Now they run as the owner of
-- the tables, who sees the rows of all tenants, and each statement leaves balanced postings behind.
GRANT USAGE ON SCHEMA public TO payments_owner;
CREATE POLICY seen_by_checks ON ledger_transactions FOR SELECT TO payments_owner USING (true);
CREATE POLICY seen_by_checks ON ledger_entries FOR SELECT TO payments_owner USING (true);

-- An entry comes together with its posting and never later, for the same tenant, and all entries of a
-- posting come in statements that balance. Two checks per statement cost less than a foreign key and a
-- deferred trigger per row.
CREATE OR REPLACE FUNCTION ledger_entries_come_with_posting() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE unbalanced bigint;
BEGIN
  IF EXISTS (SELECT FROM entered e WHERE NOT EXISTS (
       SELECT FROM ledger_transactions t
       WHERE t.transaction_id = e.transaction_id AND t.tenant_id = e.tenant_id
         AND t.posted_in = pg_current_xact_id()))
  THEN
    RAISE EXCEPTION 'an entry of the ledger without a posting of its tenant in the same transaction'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_entries_of_posting';
  END IF;
  SELECT transaction_id INTO unbalanced FROM ledger_entries
    WHERE transaction_id IN (SELECT transaction_id FROM entered)
    GROUP BY transaction_id, currency HAVING sum(amount_cents) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger transaction % does not sum to zero', unbalanced
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
  END IF;
  RETURN NULL;
END $$;

-- What has entries balances, so all that is left to see at the end is that there are some.
CREATE OR REPLACE FUNCTION ledger_must_balance() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM ledger_entries WHERE transaction_id = NEW.transaction_id) THEN
    RAISE EXCEPTION 'ledger transaction % has no entries, so it does not sum to zero',
      NEW.transaction_id USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
  END IF;
  RETURN NULL;
END $$;

ALTER FUNCTION ledger_entries_come_with_posting() OWNER TO payments_owner;
ALTER FUNCTION ledger_must_balance() OWNER TO payments_owner;
ALTER FUNCTION ledger_is_append_only() OWNER TO payments_owner;

-- When something was posted, and in which transaction, is not for the role to say.
REVOKE INSERT ON ledger_transactions FROM payments, payments_worker;
GRANT INSERT (tenant_id, source, source_id, payment_id)
  ON ledger_transactions TO payments, payments_worker;
