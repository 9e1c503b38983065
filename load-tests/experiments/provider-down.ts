import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileSilent } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'

const callersPerSecond = 30
/** By then the first calls have timed out, and a breaker has had its evidence. */
const knownDownMs = 4_000
/** It would refuse the callers whose wait is measured here, in both arms. */
const backlog = { PATTERN_BOUNDED_BACKLOG: 'naive' }

/** The card provider takes requests and answers none of them for some seconds. */
export const providerDown: Experiment = {
  name: 'provider-down',
  title: 'The card provider takes requests and answers none',
  area: 'payments',
  pattern: 'circuit-breaker',
  hypothesis: 'A provider that is down is left alone, and callers do not wait for it.',
  arms: {
    with: { payments: backlog },
    naive: { payments: { ...backlog, PATTERN_CIRCUIT_BREAKER: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 360, short: 240 },
  method: context =>
    whileSilent(context, 'before', 1, () =>
      atRate(() => context.client.payAndLeave('acme'), context.size, callersPerSecond),
    ),
  sometimes: ['provider.request_dropped >= 1', 'attempt.pending >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const waits = waitsOf(evidence)
    const late = waits.filter(({ sinceFaultMs }) => sinceFaultMs >= knownDownMs)
    const dropped = rowsOf(evidence.provider).filter(({ type }) => type === 'request.dropped')
    return {
      callers: waits.length,
      requestsWhileDown: dropped.reduce((sum, { count = 1 }) => sum + count, 0),
      callersP99Ms: p99Of(late.map(({ waitMs }) => waitMs)),
    }
  },
  shows: {
    figure: 'requestsWhileDown',
    of: 'callers',
    atLeast: 50,
    unit: 'requests to a provider that was down',
  },
}

type Wait = { sinceFaultMs: number; waitMs: number }

/** How long each caller waited for an answer, and when it asked. */
function waitsOf({ history, faultLog }: Evidence): Wait[] {
  const faultAt = rowsOf(faultLog).find(({ action }) => action === 'begin')?.t ?? 0
  const requests = Map.groupBy(
    rowsOf(history).filter(({ op }) => op === 'pay'),
    ({ proc }) => proc,
  )
  return [...requests.values()].flatMap(([asked, told]) =>
    asked && told ? [{ sinceFaultMs: asked.t - faultAt, waitMs: told.t - asked.t }] : [],
  )
}

function p99Of(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0)
}
