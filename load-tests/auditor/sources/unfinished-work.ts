import type { LivenessInvariant } from '../evidence.ts'
import type { Database } from './tables.ts'

type Question = { invariant: LivenessInvariant; what: string; query: string }

const outbox = (service: string): Question => ({
  invariant: 'L3',
  what: `${service} has an event that it did not publish`,
  query: 'SELECT event_id AS id FROM outbox WHERE published_at IS NULL',
})

/** What each database may still have to do, and the promise that it will be done. */
export const unfinishedWork: Readonly<Record<Database, readonly Question[]>> = {
  payments: [
    {
      invariant: 'L1',
      what: 'a payment is pending',
      query: `SELECT payment_id AS id FROM payments WHERE status = 'pending'`,
    },
    {
      invariant: 'L1',
      what: 'what was decided about held money is not done',
      query: `SELECT payment_id AS id FROM payments
        WHERE status = 'authorized' AND requested_action IS NOT NULL`,
    },
    {
      invariant: 'L1',
      what: 'a refund is owed',
      query: `SELECT refund_id AS id FROM refunds WHERE status = 'pending'`,
    },
    outbox('payments'),
  ],
  listings: [
    {
      invariant: 'L1',
      what: 'a publication is pending',
      query: `SELECT publication_id AS id FROM publications WHERE status = 'pending'`,
    },
    {
      invariant: 'L2',
      what: 'a publication is paid and its listing is not live',
      query: `SELECT publication_id AS id FROM publications WHERE status = 'captured'`,
    },
    outbox('listings'),
  ],
  notifications: [
    {
      invariant: 'L4',
      what: 'a listing is not matched against all alerts',
      query: 'SELECT listing_id AS id FROM announcements WHERE matched_at IS NULL',
    },
    {
      invariant: 'L4',
      what: 'a mail is neither sent nor given up',
      query: `SELECT delivery_id AS id FROM deliveries WHERE status = 'pending'`,
    },
  ],
}
