import type { AnyEvent } from '@nightshift/contracts/events'
import type { Transaction } from '@nightshift/runtime/postgres/postgres'

/** Says, inside a transaction, what has happened. Others hear of it only if the transaction commits. */
export type Announce = (event: AnyEvent) => Promise<void>

/** A row of the table `outbox`. */
export type StagedEvent = {
  eventId: string
  topic: string
  aggregateId: string
  payload: string
  traceparent: string | null
}

export type Outbox = {
  /** Runs `work` in one transaction and sees to it that what it announced gets published. */
  transact: <T>(work: (tx: Transaction, announce: Announce) => Promise<T>) => Promise<T>
  /**
   * For who writes a whole phase as one statement: the row that this statement must insert, or
   * undefined where events are told in another way. After the commit, `committed` is called.
   */
  stage: (event: AnyEvent) => StagedEvent | undefined
  committed: (events: readonly AnyEvent[]) => Promise<void>
  /** What has to go on in the background, until the signal aborts. */
  run: (signal: AbortSignal) => Promise<void>
}
