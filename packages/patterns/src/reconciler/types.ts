export type DueWork<One> = {
  /** Takes an item that is due, for one lease. */
  takeOne: () => Promise<One | undefined>
  finishOne: (one: One) => Promise<void>
  concurrencyMax: number
  /** The most items of one round. After them the caller can do other things. */
  roundMax: number
  /** After an abort no more items are taken, and the round waits for those in progress. */
  signal: AbortSignal
}

/**
 * One round.
 * @returns how many items were taken
 * @throws AggregateError with the errors of single items, after all others have been finished
 */
export type Reconcile = <One>(work: DueWork<One>) => Promise<number>
