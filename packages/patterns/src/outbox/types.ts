import type { AnyEvent } from '@nightshift/contracts/events'
import type { Transaction } from '@nightshift/runtime/postgres'

/** Says, inside a transaction, what has happened. Others hear of it only if the transaction commits. */
export type Announce = (event: AnyEvent) => Promise<void>

export type Outbox = {
  /** Runs `work` in one transaction and sees to it that what it announced gets published. */
  transact: <T>(work: (tx: Transaction, announce: Announce) => Promise<T>) => Promise<T>
  /** What has to go on in the background, until the signal aborts. */
  run: (signal: AbortSignal) => Promise<void>
}
