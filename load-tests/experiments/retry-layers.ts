import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { payAtRate } from '../harness/recording-client.ts'
import { whileProviderIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'

const quotaPerSecond = 1
const callersPerSecond = 30
/**
 * In both arms nothing else may hold the calls back, so that only the repetitions differ: neither a
 * door, nor a breaker, nor a full backlog.
 */
const unprotected = {
  PATTERN_LOAD_SHEDDING: 'naive',
  PATTERN_CIRCUIT_BREAKER: 'naive',
  PATTERN_BOUNDED_BACKLOG: 'naive',
}

/**
 * The card provider refuses nearly everything for a while. The callers ask once each, and are done
 * before the reconciler begins to look, so every further request was repeated inside a request.
 */
export const retryLayers: Experiment = {
  name: 'retry-layers',
  title: 'The card provider refuses calls, and they are repeated',
  area: 'payments',
  pattern: 'retry-budget',
  hypothesis: 'A provider that refuses gets little more than one request per caller.',
  arms: {
    with: { payments: unprotected },
    naive: { payments: { ...unprotected, PATTERN_RETRY_BUDGET: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 120, short: 90 },
  method: context => {
    const fault = { setting: 'quotaPerSecond', settings: { quotaPerSecond } }
    return whileProviderIsFaulty(context, { ...fault, healthy: { quotaPerSecond: 0 } }, () =>
      payAtRate(context.client, context.size, callersPerSecond),
    )
  },
  sometimes: ['provider.requests_refused >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const callers = rowsOf(evidence.history).filter(
      ({ op, type }) => op === 'pay' && type === 'invoke',
    ).length
    const requests = requestsDuringFault(evidence)
    return { callers, requests, repeated: Math.max(0, requests - callers) }
  },
  shows: {
    figure: 'repeated',
    of: 'callers',
    atLeast: 100,
    unit: 'requests more than callers, at a provider that refused them',
  },
}

/** What the provider got while it refused: the refused requests, and those that it carried out. */
function requestsDuringFault({ provider, faultLog }: Evidence): number {
  const endedAt = rowsOf(faultLog).find(({ action }) => action === 'end')?.t ?? 0
  return rowsOf(provider)
    .filter(({ t }) => t <= endedAt)
    .reduce((sum, { type, count = 1 }) => {
      if (type === 'requests.refused') return sum + count
      return type === 'intent.succeeded' ? sum + 1 : sum
    }, 0)
}
