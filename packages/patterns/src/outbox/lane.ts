import { strict as assert } from 'node:assert'
import { sendDeadlineMs } from '@nightshift/runtime/kafka/producer'
import type pg from 'pg'

/** How long a relay that has gone silent keeps the lane. */
const leaseMs = 8_000
/** A lease with less time left is renewed before anything is published. */
const renewBelowMs = 6_500
assert(renewBelowMs > sendDeadlineMs, 'a lease must outlast the send that was begun under it')
assert(leaseMs > renewBelowMs, 'a lease must be worth something when it has been renewed')

/** The first of two numbers of an advisory lock; the second is the epoch. */
const laneLock = 4_000_001

/** The right to publish, until a time of `performance.now()`. One relay has this epoch. */
export type Lease = { epoch: number; untilMs: number }

/**
 * One relay publishes at a time. The lane has an epoch, which grows whenever another relay takes it,
 * and it may be taken for either of two reasons:
 * - The session of its holder is gone. Each holder has the advisory lock of its epoch, so this shows
 *   at once, after a crash or a stop.
 * - Its lease is over. A holder that is frozen, or behind a dead network, keeps its session and its
 *   lock. With the lock alone, SIGSTOP of one relay would stop all of them.
 *
 * Answers undefined while another relay has the lane.
 */
export async function takeLane(client: pg.Client): Promise<Lease | undefined> {
  const askedMs = performance.now()
  const { rows } = await client.query<{ epoch: number }>({
    name: 'take_lane',
    text: `UPDATE outbox_lane
           SET epoch = epoch + 1, held_until = clock_timestamp() + $2 * interval '1 ms'
           WHERE held_until < clock_timestamp() OR pg_try_advisory_lock($1, epoch)
           RETURNING epoch, pg_try_advisory_lock($1, epoch)`,
    values: [laneLock, leaseMs],
  })
  return rows[0] && { epoch: rows[0].epoch, untilMs: askedMs + leaseMs }
}

/**
 * Answers a lease under which a send can begin, or undefined if another relay has the lane by now.
 * Time is counted from before the statement, by the steady clock of this process, so that a holder
 * that was frozen knows it as soon as it wakes.
 */
export async function keepLane(client: pg.Client, lease: Lease): Promise<Lease | undefined> {
  if (lease.untilMs - performance.now() > renewBelowMs) return lease
  const askedMs = performance.now()
  const { rowCount } = await client.query({
    name: 'keep_lane',
    text: `UPDATE outbox_lane SET held_until = clock_timestamp() + $2 * interval '1 ms'
           WHERE epoch = $1`,
    values: [lease.epoch, leaseMs],
  })
  return rowCount === 1 ? { epoch: lease.epoch, untilMs: askedMs + leaseMs } : undefined
}

/** A send that begins before this time ends while the lane is still ours. */
export function sendBeforeMs(lease: Lease): number {
  return lease.untilMs - sendDeadlineMs
}
