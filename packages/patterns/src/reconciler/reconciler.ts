/**
 * Fault:    the client leaves before the outcome is known, and never asks again.
 * Without:  load-tests/results/reconciler-off.json (pending for ever); the code is `naive.ts`.
 * With:     what a request has left open is finished by a job, for as long as it takes.
 * Switch:   PATTERN_RECONCILER=naive
 */
import type { Reconcile } from './types.ts'

/**
 * In bounded batches and a few at a time, so that another party that just came back is not stormed by
 * everything that waited for it.
 */
export const reconcileDue: Reconcile = async ({ takeDue, finishOne, concurrencyMax }) => {
  const due = await takeDue()
  const queue = due.values()
  const worker = async () => {
    for (const one of queue) await finishOne(one)
  }
  await Promise.all(Array.from({ length: concurrencyMax }, worker))
  return due.length
}
