/** When it is written down that money is owed back, and what is said while nobody knows. */
export type Obligation = Readonly<{
  /**
   * Ends the transaction that looked whether it may be owed, and wrote it down: called last in it,
   * before the other party is asked. Answers with `result`, or undoes the transaction with it.
   */
  beforeAsking: <Result>(result: Result) => Result
  /** Called first in the transaction that notes it as paid. */
  oncePaid: (writeDown: () => Promise<void>) => Promise<void>
  /** What the caller is told when the other party has not answered. */
  withoutAnswer: 'owed' | 'failed'
}>
