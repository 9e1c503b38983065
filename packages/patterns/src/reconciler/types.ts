export type DueWork<One> = {
  /** A bounded batch of what is due, taken so that nobody else takes it meanwhile. */
  takeDue: () => Promise<readonly One[]>
  finishOne: (one: One) => Promise<void>
  /** So many at a time. */
  concurrencyMax: number
}

/** One round. Answers how many were looked at. */
export type Reconcile = <One>(work: DueWork<One>) => Promise<number>
