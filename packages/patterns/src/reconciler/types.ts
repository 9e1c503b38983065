export type DueWork<One> = {
  /** Takes what has been due for longest, so that no other worker takes it during its lease. */
  takeOne: () => Promise<One | undefined>
  finishOne: (one: One) => Promise<void>
  concurrencyMax: number
  /** A round ends after this many, so that its caller can look at other things. */
  roundMax: number
  /** Nothing more is taken once it aborts. What is being finished is waited for. */
  signal: AbortSignal
}

/**
 * One round. Answers how many were looked at.
 * @throws AggregateError with the errors of single items, after all others have been finished
 */
export type Reconcile = <One>(work: DueWork<One>) => Promise<number>
