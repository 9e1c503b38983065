import { deleteExpiredKeys } from '@nightshift/patterns/idempotency-key/finish-keys'
import { deletePublishedEvents } from '@nightshift/patterns/outbox/outbox'
import { forgetOldWebhooks } from '@nightshift/patterns/webhook-hint/webhook-hint'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Limits } from '../limits.ts'

/** A job for each table, so that one that fails does not hold up the others. */
export function oldRowsJobs(
  db: Queryable,
  { eventsKeptDays, webhooksKeptDays, rowsMax, idleMs }: Limits['oldRows'],
) {
  const rounds = { batchMax: rowsMax, idleMs }
  return [
    {
      name: 'delete-expired-keys',
      runOnce: () => deleteExpiredKeys(db, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-published-events',
      runOnce: () => deletePublishedEvents(db, eventsKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'forget-old-webhooks',
      runOnce: () => forgetOldWebhooks(db, webhooksKeptDays, rowsMax),
      ...rounds,
    },
  ]
}
