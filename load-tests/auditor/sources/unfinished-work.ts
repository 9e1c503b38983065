import type { LivenessCode } from '../evidence.ts'
import type { Database } from './tables.ts'

type Question = { promise: LivenessCode; what: string; query: string }

const outbox = (service: string): Question => ({
  promise: 'L3',
  what: `${service} has an event that it did not publish`,
  query: 'SELECT event_id AS id FROM outbox WHERE published_at IS NULL',
})

/** The work that each database may still have to do, and the promise that it will be done. */
export const unfinishedWork: Readonly<Record<Database, readonly Question[]>> = {
  payments: [
    {
      promise: 'L1',
      what: 'a payment is pending',
      query: `SELECT payment_id AS id FROM payments WHERE status = 'pending'`,
    },
    {
      promise: 'L1',
      what: 'a requested capture or void is not done',
      query: `SELECT payment_id AS id FROM payments
        WHERE status = 'authorized' AND requested_action IS NOT NULL`,
    },
    {
      promise: 'L1',
      what: 'a refund is pending',
      query: `SELECT refund_id AS id FROM refunds WHERE status = 'pending'`,
    },
    outbox('payments'),
  ],
  listings: [
    {
      promise: 'L1',
      what: 'a publication is pending',
      query: `SELECT publication_id AS id FROM publications WHERE status = 'pending'`,
    },
    {
      promise: 'L2',
      what: 'a publication is paid and its listing is not live',
      query: `SELECT publication_id AS id FROM publications WHERE status = 'captured'`,
    },
    outbox('listings'),
  ],
  notifications: [
    {
      promise: 'L4',
      what: 'a listing is not matched against all alerts',
      query: 'SELECT listing_id AS id FROM announcements WHERE matched_at IS NULL',
    },
    {
      promise: 'L4',
      what: 'a mail is neither sent nor has it failed',
      query: `SELECT delivery_id AS id FROM deliveries WHERE status = 'pending'`,
    },
  ],
}
