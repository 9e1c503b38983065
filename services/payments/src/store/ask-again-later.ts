import { inTransaction, type Transaction } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'

export type AskAgainLater = {
  /** Says when to look again. False, and nothing done, if somebody else works on it by now. */
  postpone: (tx: Transaction) => Promise<boolean>
  /** Gives the key back, so that the next attempt may go on at once. */
  release: (tx: Transaction) => Promise<void>
}

/**
 * Whoever has been overtaken must not give back the key of the new owner: that would let a third one
 * in beside it. One transaction, because the row that is postponed stays locked until its end, and who
 * wants to take it over has to write to it.
 */
export function askAgainLater(pool: Pool, { postpone, release }: AskAgainLater): Promise<void> {
  return inTransaction(pool, async tx => {
    if (await postpone(tx)) await release(tx)
  })
}
