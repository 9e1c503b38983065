import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileSilent } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'

const callersPerSecond = 30
/** By then the first calls have timed out, and a breaker has had its evidence. */
const knownDownMs = 4_000
/**
 * Five seconds of callers, so that somebody asks in the moment in which payments work again. A probe
 * that went out just before the return fails after two seconds, and then the breaker is open for one.
 */
const callersAfterReturn = 150
/** It would refuse the callers whose wait is measured here, in both arms. */
const backlog = { PATTERN_BOUNDED_BACKLOG: 'naive' }

/** The card provider takes requests and answers none of them for some seconds. Then it is back. */
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
  method: async context => {
    const callers = (count: number) =>
      atRate(() => context.client.payAndLeave('acme'), count, callersPerSecond)
    await whileSilent(context, 'before', 1, () => callers(context.size))
    await callers(callersAfterReturn)
  },
  sometimes: ['provider.request_dropped >= 1', 'attempt.pending >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const { beganAt, endedAt, callers } = callersOf(evidence)
    const whileDown = callers.filter(({ askedAt }) => askedAt < endedAt)
    const late = whileDown.filter(({ askedAt }) => askedAt - beganAt >= knownDownMs)
    const dropped = rowsOf(evidence.provider).filter(({ type }) => type === 'request.dropped')
    return {
      callers: whileDown.length,
      requestsWhileDown: dropped.reduce((sum, { count = 1 }) => sum + count, 0),
      callersP99Ms: p99Of(late.map(({ askedAt, toldAt }) => toldAt - askedAt)),
      firstPaidAfterMs: firstPaidAfter(endedAt, callers),
    }
  },
  shows: {
    figure: 'requestsWhileDown',
    of: 'callers',
    atLeast: 50,
    unit: 'requests to a provider that was down',
  },
}

type Caller = { askedAt: number; toldAt: number; isPaid: boolean }

/** Every caller of the run, and the time in which the provider was down. */
function callersOf({ history, faultLog }: Evidence) {
  const at = (wanted: string) => rowsOf(faultLog).find(({ action }) => action === wanted)?.t ?? 0
  const requests = Map.groupBy(
    rowsOf(history).filter(({ op }) => op === 'pay'),
    ({ proc }) => proc,
  )
  const callers: Caller[] = [...requests.values()].flatMap(([asked, told]) =>
    asked && told ? [{ askedAt: asked.t, toldAt: told.t, isPaid: told.type === 'ok' }] : [],
  )
  return { beganAt: at('begin'), endedAt: at('end'), callers }
}

/** From the provider's return to the first answer "paid". If there is none, it took at least so long. */
function firstPaidAfter(returnedAt: number, callers: readonly Caller[]): number {
  const after = callers.filter(({ toldAt }) => toldAt >= returnedAt)
  const paid = after.filter(({ isPaid }) => isPaid)
  const first = Math.min(...paid.map(({ toldAt }) => toldAt))
  const last = Math.max(returnedAt, ...after.map(({ toldAt }) => toldAt))
  return Math.round(Math.min(first, last) - returnedAt)
}

function p99Of(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0)
}
