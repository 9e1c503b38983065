/**
 * Fault:    the owner of a payment is paused, overtaken by another, and goes on.
 * Without:  load-tests/results/zombie-owner.json (settled twice); the code is `naive.ts`.
 * With:     each takeover raises the number of the attempt; whoever has an older one writes nothing.
 * Switch:   PATTERN_LEASE=naive
 */
import type { Fencing } from './types.ts'

/**
 * The guard is in the statement that writes. A look before it would prove nothing: between the look
 * and the write a process can sleep for as long as it likes.
 */
export const fencing: Fencing = {
  isStillOurs: (row, writer) =>
    `${row}.status = ${writer}.before AND ${row}.attempt = ${writer}.attempt`,
  postedFor: row => `${row}.payment_id`,
}
