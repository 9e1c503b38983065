export type DueWork<One> = {
  /** Takes the item that has been due for longest, for one lease. */
  takeOne: () => Promise<One | undefined>
  finishOne: (one: One) => Promise<void>
  concurrencyMax: number
  /** Items of one round, after which the caller can do other things. */
  roundMax: number
  /** Once it aborts, nothing more is taken, and the round waits for what is in progress. */
  signal: AbortSignal
}

/**
 * One round. Answers how many items were taken.
 * @throws AggregateError with the errors of single items, after all others have been finished
 */
export type Reconcile = <One>(work: DueWork<One>) => Promise<number>
