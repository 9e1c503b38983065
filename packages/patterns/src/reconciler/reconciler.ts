/**
 * Fault:    the client leaves before the outcome is known, and never asks again.
 * Without:  load-tests/results/reconciler-off.json (pending for ever); the code is `naive.ts`.
 * With:     a job finishes what requests have left open, for as long as it takes.
 * Switch:   PATTERN_RECONCILER=naive
 */
import pMap from 'p-map'
import type { Reconcile } from './types.ts'

/**
 * One round: takes due items and finishes them, a few at a time. An item is taken when a slot is
 * free for it, so its lease begins when its work begins. The lease must be longer than one attempt,
 * and need not be as long as a whole round. For the same reason a stop waits for one attempt at
 * most.
 *
 * An item that fails keeps its lease and is due again after it. The other items are not affected.
 */
export const reconcileDue: Reconcile = async ({
  takeOne,
  finishOne,
  concurrencyMax,
  roundMax,
  signal,
}) => {
  const failures: unknown[] = []
  let taken = 0
  async function* due() {
    while (taken < roundMax && !signal.aborted) {
      const one = await takeOne().catch((error: unknown) => {
        failures.push(error)
        return undefined
      })
      if (one === undefined) return
      taken += 1
      yield one
    }
  }
  await pMap(due(), finishOne, { concurrency: concurrencyMax, stopOnError: false }).catch(
    (error: AggregateError) => failures.push(...error.errors),
  )
  if (failures.length > 0) {
    const message = `${failures.length} failures while ${taken} items were reconciled`
    throw new AggregateError(failures, message, { cause: failures[0] })
  }
  return taken
}
