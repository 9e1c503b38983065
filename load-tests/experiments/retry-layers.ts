import pMap from 'p-map'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileProviderIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'

const quotaPerSecond = 1
const callersPerSecond = 30
const concurrency = 10
/**
 * In both arms nothing else holds calls back or makes more, so that only the repetitions inside of
 * requests differ: no door, no breaker, no full backlog, and no job that asks again.
 */
const unprotected = {
  PATTERN_LOAD_SHEDDING: 'naive',
  PATTERN_CIRCUIT_BREAKER: 'naive',
  PATTERN_BOUNDED_BACKLOG: 'naive',
  PATTERN_RECONCILER: 'naive',
}

/**
 * The card provider refuses nearly everything for a while. Each caller asks once, so every further
 * request was repeated inside a request. When the provider has recovered, the callers come back.
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
  method: async context => {
    const fault = { setting: 'quotaPerSecond', settings: { quotaPerSecond } }
    const healthy = { quotaPerSecond: 0 }
    let callers: (() => Promise<unknown>)[] = []
    await whileProviderIsFaulty(context, { ...fault, healthy }, async () => {
      const pay = () => context.client.payAndLeave('acme')
      callers = await atRate(pay, context.size, callersPerSecond)
    })
    await pMap(callers, comeBack => comeBack(), { concurrency })
  },
  sometimes: ['provider.requests_refused >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const { callers, requests } = countDuringFault(evidence)
    return { callers, requests, repeated: Math.max(0, requests - callers) }
  },
  shows: {
    figure: 'repeated',
    of: 'callers',
    atLeast: 100,
    unit: 'requests more than callers, at a provider that refused them',
  },
}

/**
 * The callers that asked while the provider refused, and the requests that it got from them: those
 * that it refused, and those that it carried out.
 */
function countDuringFault({ history, provider, faultLog }: Evidence) {
  const endedAt = rowsOf(faultLog).find(({ action }) => action === 'end')?.t ?? 0
  const asked = rowsOf(history).filter(
    ({ op, type, t }) => op === 'pay' && type === 'invoke' && t <= endedAt,
  )
  const requests = rowsOf(provider)
    .filter(({ t }) => t <= endedAt)
    .reduce((sum, { type, count = 1 }) => {
      if (type === 'requests.refused') return sum + count
      return type === 'intent.succeeded' ? sum + 1 : sum
    }, 0)
  return { callers: asked.length, requests }
}
