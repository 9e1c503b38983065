import { waitUntil } from '@nightshift/local/wait-until'
import { rowsOf } from '../auditor/evidence.ts'
import type { RecordingClient } from '../harness/recording-client.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn } from './caller-figures.ts'

const perSecond = 40
/** More than the limit, in each of the two bursts around an edge. */
const burst = 60
const limit = { PAYMENTS_PER_TENANT_PER_SECOND: String(perSecond) }
const windowMs = 1_000
/** Late in the window, and early enough that a slow machine does not miss its end. */
const lateInWindowMs = 700
const earlyInNextMs = 15
const pollMs = 5
/** After this pause the window has ended, and the pattern gives its whole burst again. */
const restMs = 1_500

/** One tenant fills its limit shortly before the end of a window, and again shortly after it. */
export const burstAtTheEdge: Experiment = {
  name: 'burst-at-the-edge',
  title: 'A tenant fills its limit at the end of one window and at the beginning of the next',
  area: 'resilience',
  pattern: 'rate-limit',
  hypothesis: 'The edge of a window lets no more payments through than any other moment.',
  arms: {
    with: { payments: limit },
    naive: { payments: { ...limit, PATTERN_RATE_LIMIT: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 600, short: 240 },
  method: async ({ client, size, recordFault }) => {
    recordFault('load', 'begin', 'acme')
    for (let sent = 0; sent < size; sent += 2 * burst) await fillAroundAnEdge(client)
    recordFault('load', 'end', 'acme')
  },
  sometimes: ['attempt.refused >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const statuses = callersIn(evidence).map(({ status }) => status)
    return {
      requests: statuses.length,
      refused: statuses.filter(status => status === 429).length,
      begunInASecond: mostInASecond(rowsOf(evidence.payments).map(({ createdAt }) => createdAt)),
      limitPerSecond: perSecond,
    }
  },
  shows: {
    figure: 'begunInASecond',
    of: 'limitPerSecond',
    atLeast: 20,
    unit: 'payments of a tenant begun in its busiest second',
  },
}

async function fillAroundAnEdge(client: RecordingClient): Promise<void> {
  // The first request opens a window. Its end is known from then on.
  await client.payAndLeave('acme')
  const openedAt = performance.now()
  const until = (ms: number) => waitUntil(() => performance.now() - openedAt >= ms, 2 * ms, pollMs)
  const payAtOnce = () => Array.from({ length: burst }, () => client.payAndLeave('acme'))
  await until(lateInWindowMs)
  const before = payAtOnce()
  await until(windowMs + earlyInNextMs)
  await Promise.all([...before, ...payAtOnce()])
  await until(windowMs + earlyInNextMs + restMs)
}

/** The most events within one second, wherever that second begins. */
function mostInASecond(times: readonly number[]): number {
  const counts = times.map(begin => times.filter(t => t >= begin && t < begin + windowMs).length)
  return Math.max(0, ...counts)
}
