/** How SQL finds out whether an owner still owns a row of work. The arguments are aliases in that SQL. */
export type Fence = Readonly<{
  /** True while `row` still has the number that `owner` was given. */
  holds: (row: string, owner: string) => string
  /** The number that the next owner of `row` is given. */
  next: (row: string) => string
}>
