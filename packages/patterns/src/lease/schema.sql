-- The columns that a table of work needs. `work` stands for the table of the service.
CREATE TABLE work (
  id uuid PRIMARY KEY,
  -- The number of the owner. Each takeover raises it, and an older number writes nothing.
  attempt integer NOT NULL DEFAULT 1,
  -- When the work is due. Null once it is done.
  next_check_at timestamptz,
  -- How often the work was left open. The next wait depends on it.
  checks integer NOT NULL DEFAULT 0
);
CREATE INDEX work_due ON work (next_check_at) WHERE next_check_at IS NOT NULL;
