import type { Transaction } from '@nightshift/runtime/postgres/postgres'

/** An event, as far as the outbox knows it: its id, and the aggregate whose order it belongs to. */
export type OutboxEvent = Readonly<{ eventId: string; aggregateId: string }>

/** Announces, inside a transaction, what has happened. Consumers see it only if that commits. */
export type Announce<Event extends OutboxEvent = OutboxEvent> = (event: Event) => Promise<void>

/** A row of the table `outbox`. */
export type StagedEvent = {
  eventId: string
  topic: string
  aggregateId: string
  payload: string
  traceparent: string | null
}

export type Outbox<Event extends OutboxEvent = OutboxEvent> = {
  /** Runs `work` in one transaction, and has what it announced published. */
  transact: <T>(work: (tx: Transaction, announce: Announce<Event>) => Promise<T>) => Promise<T>
  /**
   * For code that writes a whole phase as one statement: the row that this statement must insert, or
   * undefined where events are published in another way. After the commit, `committed` is called.
   */
  stage: (event: Event) => StagedEvent | undefined
  committed: (events: readonly Event[]) => Promise<void>
  /** Goes on in the background until the signal aborts. */
  run: (signal: AbortSignal) => Promise<void>
}
