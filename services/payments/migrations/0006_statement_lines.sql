-- The lines of statements, with the balance after each. They follow from the ledger: a job adds them in
-- the order in which postings have settled, so that a page is read by its place, and the balance before
-- it is that of one line. Summed up for each page, both took as long as the whole history.
CREATE TABLE statement_lines (
  tenant_id uuid NOT NULL,
  -- 1, 2, 3 and so on for each tenant, without a gap.
  line_no bigint NOT NULL,
  -- The month, in UTC, of the posting, or of the line before if that is later: what is settled late
  -- belongs to the month that is open.
  month date NOT NULL,
  transaction_id bigint NOT NULL UNIQUE REFERENCES ledger_transactions,
  posted_at timestamptz NOT NULL,
  source text NOT NULL,
  payment_id uuid NOT NULL,
  amount_cents numeric NOT NULL,
  tax_cents numeric NOT NULL,
  balance_cents numeric NOT NULL,
  PRIMARY KEY (tenant_id, line_no)
);
CREATE INDEX statement_lines_of_month ON statement_lines (tenant_id, month, line_no);

-- The posting that was made a line last. The process that makes lines locks this row.
CREATE TABLE statement_position (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  posted_in xid8 NOT NULL,
  transaction_id bigint NOT NULL
);
INSERT INTO statement_position (posted_in, transaction_id) VALUES ('0', 0);

ALTER TABLE statement_lines OWNER TO payments_owner;
ALTER TABLE statement_position OWNER TO payments_owner;
ALTER TABLE statement_lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON statement_lines TO payments USING (tenant_id = current_tenant());
CREATE POLICY all_rows ON statement_lines TO payments_worker USING (true);
CREATE POLICY to_look_at ON statement_lines FOR SELECT TO payments_reader USING (true);
GRANT SELECT ON statement_lines TO payments, payments_reader;
GRANT SELECT, INSERT ON statement_lines TO payments_worker;
GRANT SELECT, UPDATE (posted_in, transaction_id) ON statement_position TO payments_worker;

-- A line is never changed, as its posting is not.
CREATE TRIGGER statement_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON statement_lines FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

-- The job reads the ledger in the order of settling. Nothing reads it by tenant and time any more.
CREATE INDEX ledger_in_order ON ledger_transactions (posted_in, transaction_id);
DROP INDEX ledger_of_tenant;
