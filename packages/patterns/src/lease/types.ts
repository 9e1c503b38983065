/** SQL that decides whether an owner still owns a row of work. The arguments are table aliases. */
export type Fence = Readonly<{
  /** True while `row` has the number of `owner`. */
  holds: (row: string, owner: string) => string
  /** The number of the next owner of `row`. */
  next: (row: string) => string
}>
