import type { HoldTimeouts } from './types.ts'

const everywhereMs = 30_000
/** What each layer has a timeout for, under the names that these waits have in every `limits.ts`. */
const layers = ['requestBudgetMs', 'attemptMs', 'acquireMs', 'statementMs']

/**
 * What most teams ship first: each layer has a timeout of its own, mostly the default of its
 * library, and no layer knows those of the others. Thirty seconds for the request, and thirty for
 * each thing inside it: connection, statement and call together may take three times as long as the
 * request, and three attempts three times as long as that. Nothing is compared, so nothing refuses
 * to start.
 */
export const thirtySecondsEach: HoldTimeouts = limits => withOwnWaits(limits)

function withOwnWaits<Value>(limits: Value): Value {
  const entries = Object.entries(limits as object).map(([name, value]) => {
    if (typeof value === 'object') return [name, withOwnWaits(value)]
    return [name, layers.includes(name) ? everywhereMs : value]
  })
  return Object.fromEntries(entries) as Value
}
