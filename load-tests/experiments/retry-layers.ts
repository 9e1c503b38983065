import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileProviderIsFaulty } from '../harness/while-faulty.ts'
import { round } from '../reporting/figures.ts'
import type { Experiment } from '../runner/experiment.ts'

const quotaPerSecond = 10
/** How often callers come, compared with the quota. */
const loads = [1, 3, 10]
/** The provider writes its refusals to its log once a second. */
const refusalsWrittenMs = 1_100
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
 * Callers come at the rate of the provider's quota, at three and at ten times that. Each asks once, so
 * every further request was repeated inside a request. When the provider has no quota any more, the
 * callers come back.
 */
export const retryLayers: Experiment = {
  name: 'retry-layers',
  title: 'The card provider refuses calls, and they are repeated',
  area: 'resilience',
  pattern: 'retry-budget',
  hypothesis: 'A provider that refuses gets little more than one request per caller.',
  arms: {
    with: { payments: unprotected },
    naive: { payments: { ...unprotected, PATTERN_RETRY_BUDGET: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  /** Callers at each load. */
  size: { full: 100, short: 60 },
  method: async context => {
    const fault = { setting: 'quotaPerSecond', settings: { quotaPerSecond } }
    const healthy = { quotaPerSecond: 0 }
    const callers: (() => Promise<unknown>)[] = []
    await whileProviderIsFaulty(context, { ...fault, healthy }, async () => {
      const pay = () => context.client.payAndLeave('acme')
      for (const load of loads) {
        context.recordFault('load', 'begin', nameOf(load))
        callers.push(...(await atRate(pay, context.size, load * quotaPerSecond)))
        await sleep(refusalsWrittenMs)
        context.recordFault('load', 'end', nameOf(load))
      }
    })
    await pMap(callers, comeBack => comeBack(), { concurrency })
  },
  sometimes: ['provider.requests_refused >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const counts = loads.map(load => [load, countDuring(nameOf(load), evidence)] as const)
    const perCaller = counts.map(
      ([load, { callers, requests }]) =>
        [`perCallerAt${load}x`, round(requests / callers)] as const,
    )
    const sum = (which: 'callers' | 'requests') =>
      counts.reduce((total, [, count]) => total + count[which], 0)
    return {
      callers: sum('callers'),
      requests: sum('requests'),
      repeated: Math.max(0, sum('requests') - sum('callers')),
      ...Object.fromEntries(perCaller),
    }
  },
  shows: {
    figure: 'repeated',
    of: 'callers',
    atLeast: 100,
    unit: 'requests more than callers, at a provider that refused them',
  },
}

function nameOf(load: number): string {
  return `${load} times the quota`
}

/**
 * The callers that asked at one load, and the requests that the provider got from them: those that it
 * refused, and those that it carried out.
 */
function countDuring(name: string, { history, provider, faultLog }: Evidence) {
  const at = (action: string) =>
    rowsOf(faultLog).find(line => line.name === name && line.action === action)?.t ?? 0
  const isDuring = ({ t }: { t: number }) => t >= at('begin') && t <= at('end')
  const asked = rowsOf(history)
    .filter(isDuring)
    .filter(({ op, type }) => op === 'pay' && type === 'invoke')
  const requests = rowsOf(provider)
    .filter(isDuring)
    .reduce((sum, { type, count = 1 }) => {
      if (type === 'requests.refused') return sum + count
      return type === 'intent.succeeded' ? sum + 1 : sum
    }, 0)
  return { callers: asked.length, requests }
}
