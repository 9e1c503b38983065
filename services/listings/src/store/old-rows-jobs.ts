import { deleteExpiredKeys } from '@nightshift/patterns/idempotency-key/finish-keys'
import { forgetOldEvents } from '@nightshift/patterns/inbox/inbox'
import { deletePublishedEvents } from '@nightshift/patterns/outbox/outbox'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Limits } from '../limits.ts'
import { deleteWithdrawn } from './publications.ts'

/** A job for each table, so that one that fails does not hold up the others. */
export function oldRowsJobs(
  db: Queryable,
  { eventsKeptDays, withdrawnKeptDays, rowsMax, idleMs }: Limits['oldRows'],
) {
  const rounds = { batchMax: rowsMax, idleMs }
  return [
    {
      name: 'delete-expired-keys',
      runOnce: () => deleteExpiredKeys(db, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-withdrawn-publications',
      runOnce: () => deleteWithdrawn(db, withdrawnKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-published-events',
      runOnce: () => deletePublishedEvents(db, eventsKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'forget-old-events',
      runOnce: () => forgetOldEvents(db, eventsKeptDays, rowsMax),
      ...rounds,
    },
  ]
}
