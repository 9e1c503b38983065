/** How a statement finds out whether its writer still owns what it writes to: parts of its SQL. */
export type Fencing = Readonly<{
  /**
   * True for a row that is as the writer knew it. The row has `status` and `attempt`, and what the
   * writer brings along `before` (a status) and `attempt`; the arguments are their aliases.
   */
  isStillOurs: (row: string, writer: string) => string
  /** What money is posted for, so that it is posted once for each; `row` has a `payment_id`. */
  postedFor: (row: string) => string
}>
