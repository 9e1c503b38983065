/**
 * Fault:    the client leaves before the outcome is known, and never asks again.
 * Without:  load-tests/results/reconciler-off.json (pending for ever); the code is `naive.ts`.
 * With:     what a request has left open is finished by a job, for as long as it takes.
 * Switch:   PATTERN_RECONCILER=naive
 */
import type { Reconcile } from './types.ts'

/**
 * Each worker takes one item, finishes it, and takes the next. An item's lease begins when its work
 * begins, so the lease has to be longer than one attempt and not longer than a whole batch. For the
 * same reason a stop waits for one attempt at most.
 *
 * An item that fails stays under its lease and is due again after it. The other workers go on.
 */
export const reconcileDue: Reconcile = async ({
  takeOne,
  finishOne,
  concurrencyMax,
  roundMax,
  signal,
}) => {
  let begun = 0
  let looked = 0
  const failures: unknown[] = []
  const worker = async () => {
    while (begun < roundMax && !signal.aborted) {
      begun += 1
      const one = await takeOne()
      if (one === undefined) return
      looked += 1
      await finishOne(one).catch((error: unknown) => failures.push(error))
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: concurrencyMax }, worker))
  for (const ended of workers) if (ended.status === 'rejected') failures.push(ended.reason)
  if (failures.length > 0) {
    const message = `${failures.length} of ${looked} could not be finished`
    throw new AggregateError(failures, message, { cause: failures[0] })
  }
  return looked
}
