-- A line is made of its posting by one statement, and a posting is never deleted. The reference was
-- checked for each line, and each check locked the posting: that rewrote it.
ALTER TABLE statement_lines DROP CONSTRAINT statement_lines_transaction_id_fkey;

-- The month of a line is never before that of an earlier one. So one index finds the lines of a month
-- as well as the last line, and a line has two indexes and not three.
ALTER TABLE statement_lines DROP CONSTRAINT statement_lines_pkey,
  ADD PRIMARY KEY (tenant_id, month, line_no);
DROP INDEX statement_lines_of_month;
