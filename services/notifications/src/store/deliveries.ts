import { backoffSql, fencingNumber } from '@nightshift/patterns/lease/lease'
import { deleteRows } from '@nightshift/runtime/postgres/delete-rows'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { AdvertisedListing, Delivery, MailKind } from '../domain/mail.ts'

/** The result of one turn of a queue. */
export type Taken =
  | { is: 'mail'; delivery: Delivery }
  /** A mail that must not be sent, or not again. It was ended with a reason. */
  | {
      is: 'ended'
      status: 'suppressed' | 'failed'
      kind: MailKind
      deliveryId: string
      reason: string
    }
  /** The queue has no due mail. */
  | { is: 'resting' }

type TakeLimits = { leaseMs: number; copiesMax: number; confirmationsPollMs: number }

/**
 * Gives the next queue its turn, and takes the mail of this queue that has been due longest, for
 * one lease. If the sender dies, the mail becomes due again by itself. Undefined if no queue is
 * due.
 */
async function takeMail(db: Queryable, limits: TakeLimits): Promise<Taken | undefined> {
  const queue = await takeSendingTurn(db)
  if (queue === undefined) return undefined
  const taken = await claimDue(db, queue.queue_id, limits)
  if (taken !== undefined) return taken
  await restQueue(db, queue, limits.confirmationsPollMs)
  return { is: 'resting' }
}

type Queue = { queue_id: string; wakes: string }

/**
 * Takes the queue that has waited longest for its turn. Its new number puts it behind all others.
 * So the many mails of one listing do not delay the one mail of another.
 */
async function takeSendingTurn(db: Queryable): Promise<Queue | undefined> {
  const { rows } = await db.query<Queue>({
    name: 'take_sending_turn',
    text: `UPDATE mail_queues SET turn = nextval('mail_turns')
           WHERE queue_id = (
             SELECT queue_id FROM mail_queues WHERE due_at <= now()
             ORDER BY turn LIMIT 1 FOR NO KEY UPDATE)
           RETURNING queue_id, wakes`,
  })
  return rows[0]
}

type Claimed = {
  delivery_id: string
  status: 'pending' | 'suppressed' | 'failed'
  failure: string | null
  attempt: number
  copies: number
  address_id: string
  send_to: string
  consent_version: number
  listing: AdvertisedListing | null
  wanted_at: Date
  traceparent: string | null
}

/**
 * Gives the mail a new attempt number, which fences off every earlier attempt. The attempt counts
 * as a copy from now on: if this process dies, it is unknown whether the mail was sent.
 *
 * The row of the address is locked. So an unsubscribe that was answered is seen here, and a
 * concurrent one is answered after the claim. In both cases no mail is claimed after the answer.
 */
async function claimDue(
  db: Queryable,
  queueId: string,
  { leaseMs, copiesMax }: TakeLimits,
): Promise<Taken | undefined> {
  const { rows } = await db.query<Claimed>({
    name: 'claim_due',
    text: `WITH due AS (
             SELECT delivery_id, listing_id, address, consent_version, copies FROM deliveries
             WHERE queue_id = $1 AND status = 'pending' AND next_check_at <= now()
             ORDER BY next_check_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
           ), recipient AS (
             SELECT address_id, send_to, consent_version, confirmed_at FROM addresses
             WHERE address = (SELECT address FROM due) FOR SHARE
           ), checked AS (
             SELECT due.delivery_id, due.listing_id, address_id, send_to,
               recipient.consent_version,
               CASE
                 WHEN recipient.consent_version <> due.consent_version
                   THEN 'the address was unsubscribed'
                 WHEN listing_id IS NULL AND confirmed_at IS NOT NULL
                   THEN 'the address was confirmed meanwhile'
               END AS suppressed,
               CASE WHEN copies >= $3 THEN
                 'unknown: ' || copies || ' attempts may have sent the mail, and none was confirmed'
               END AS failed
             FROM due CROSS JOIN recipient
           )
           UPDATE deliveries SET
             status = CASE WHEN suppressed IS NOT NULL THEN 'suppressed'
               WHEN failed IS NOT NULL THEN 'failed' ELSE 'pending' END,
             failure = coalesce(suppressed, failed),
             attempt = CASE WHEN coalesce(suppressed, failed) IS NULL
               THEN ${fencingNumber.next('deliveries')} ELSE attempt END,
             copies = copies + CASE WHEN coalesce(suppressed, failed) IS NULL THEN 1 ELSE 0 END,
             next_check_at = CASE WHEN coalesce(suppressed, failed) IS NULL
               THEN now() + $2 * interval '1 millisecond' END
           FROM checked LEFT JOIN announcements USING (listing_id)
           WHERE deliveries.delivery_id = checked.delivery_id
           RETURNING deliveries.delivery_id, status, failure, attempt, copies, address_id, send_to,
             checked.consent_version, listing, traceparent,
             coalesce(live_at, deliveries.created_at) AS wanted_at`,
    values: [queueId, leaseMs, copiesMax],
  })
  return rows[0] && takenOf(rows[0])
}

function takenOf(row: Claimed): Taken {
  const { delivery_id: deliveryId, status } = row
  const listing = row.listing ?? undefined
  const kind: MailKind = listing === undefined ? 'confirmation' : 'alert'
  if (status !== 'pending') {
    return { is: 'ended', status, kind, deliveryId, reason: row.failure ?? '' }
  }
  const recipient = {
    addressId: row.address_id,
    sendTo: row.send_to,
    consentVersion: row.consent_version,
  }
  const { attempt, copies, traceparent, wanted_at: wantedAt } = row
  return {
    is: 'mail',
    delivery: { deliveryId, kind, recipient, listing, wantedAt, attempt, copies, traceparent },
  }
}

/**
 * Lets a queue rest until its next mail is due, or until it is woken. A wake that came during this
 * turn is not lost. Confirmations are polled and do not wake their queue: otherwise all requests
 * that save alerts would wait for the lock on one row.
 */
async function restQueue(db: Queryable, queue: Queue, confirmationsPollMs: number): Promise<void> {
  await db.query({
    name: 'rest_queue',
    text: `UPDATE mail_queues SET due_at = least(
             (SELECT min(next_check_at) FROM deliveries
              WHERE queue_id = $1 AND status = 'pending'),
             CASE WHEN $1 = '00000000-0000-0000-0000-000000000000'
               THEN now() + $3 * interval '1 millisecond' END)
           WHERE queue_id = $1 AND wakes = $2`,
    values: [queue.queue_id, queue.wakes, confirmationsPollMs],
  })
}

/** The age of the oldest mail that is to be sent, in seconds; 0 if there is none. */
export async function oldestWaitingSeconds(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ age: number }>({
    name: 'oldest_waiting_seconds',
    text: `SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS age
           FROM deliveries WHERE status = 'pending'`,
  })
  return rows[0]?.age ?? 0
}

/** One attempt of one delivery. Its outcome is recorded only while it is the latest attempt. */
export type Attempt = { deliveryId: string; attempt: number }

/** True for the pending row `t` of an attempt that is still the latest. */
const isLatest = `t.delivery_id = owner.id AND ${fencingNumber.holds('t', 'owner')}
  AND t.status = 'pending'`
const owner = '(VALUES ($1::uuid, $2::integer)) AS owner (id, attempt)'

export type DeliveryStore = ReturnType<typeof deliveryStore>

/** The database side of deliveries. Each write returns false if a later attempt has begun. */
export function deliveryStore(
  db: Queryable,
  limits: TakeLimits & { againBaseMs: number; againCapMs: number },
) {
  return {
    take: () => takeMail(db, limits),

    async markSent({ deliveryId, attempt }: Attempt): Promise<boolean> {
      const { rowCount } = await db.query({
        name: 'mark_sent',
        text: `UPDATE deliveries AS t SET status = 'sent', sent_at = now(), next_check_at = NULL
               FROM ${owner} WHERE ${isLatest}`,
        values: [deliveryId, attempt],
      })
      return rowCount === 1
    },

    async markFailed({ deliveryId, attempt }: Attempt, reason: string): Promise<boolean> {
      const { rowCount } = await db.query({
        name: 'mark_failed',
        text: `UPDATE deliveries AS t SET status = 'failed', failure = $3, next_check_at = NULL
               FROM ${owner} WHERE ${isLatest}`,
        values: [deliveryId, attempt, reason],
      })
      return rowCount === 1
    },

    /**
     * Reschedules the next attempt, at the earliest after the wait that the server requests. The
     * queue is woken, because it may be resting until the end of the lease.
     * @param mayHaveArrived whether this attempt may have left a copy with the mail server
     */
    async postpone(
      { deliveryId, attempt }: Attempt,
      mayHaveArrived: boolean,
      floorMs: number,
    ): Promise<boolean> {
      const { rowCount } = await db.query({
        name: 'postpone_delivery',
        text: `WITH postponed AS (
                 UPDATE deliveries AS t
                 SET copies = t.copies - CASE WHEN $3 THEN 0 ELSE 1 END, next_check_at = ${next}
                 FROM ${owner} WHERE ${isLatest}
                 RETURNING t.queue_id, t.next_check_at)
               UPDATE mail_queues AS queue
               SET due_at = least(queue.due_at, postponed.next_check_at), wakes = wakes + 1
               FROM postponed WHERE queue.queue_id = postponed.queue_id`,
        values: [
          deliveryId,
          attempt,
          mayHaveArrived,
          floorMs,
          limits.againBaseMs,
          limits.againCapMs,
        ],
      })
      return rowCount === 1
    },
  }
}

const next = backoffSql({ baseMs: '$5', capMs: '$6', floorMs: '$4', checks: 't.attempt - 1' })

/** Deletes old requests to confirm an address, which belong to no listing. */
export function deleteOldConfirmations(
  db: Queryable,
  keptDays: number,
  rowsMax: number,
): Promise<number> {
  return deleteRows(db, {
    name: 'delete_old_confirmations',
    table: 'deliveries',
    oldest: `SELECT ctid FROM deliveries
             WHERE listing_id IS NULL AND status <> 'pending'
               AND created_at < now() - $1 * interval '1 day'
             ORDER BY created_at LIMIT ${rowsMax}`,
    values: [keptDays],
  })
}
