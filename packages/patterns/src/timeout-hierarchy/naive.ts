import type { HoldTimeouts } from './types.ts'

const everywhereMs = 30_000
/** What each layer has a timeout for, under the names that these waits have in every `limits.ts`. */
const layers = ['requestBudgetMs', 'attemptMs', 'acquireMs', 'statementMs']

/**
 * What most teams ship first: each layer has a timeout of its own, mostly the default of its
 * library, and no layer knows those of the others. A request has thirty seconds, and so has each
 * connection, statement and call inside it, one after another: together they exceed the request
 * several times, and each further attempt at the call adds another thirty. Nothing is compared, so
 * nothing refuses to start.
 */
export const thirtySecondsEach: HoldTimeouts = limits => withOwnWaits(limits)

function withOwnWaits<Value>(limits: Value): Value {
  const entries = Object.entries(limits as object).map(([name, value]) => {
    if (typeof value === 'object') return [name, withOwnWaits(value)]
    return [name, layers.includes(name) ? everywhereMs : value]
  })
  return Object.fromEntries(entries) as Value
}
