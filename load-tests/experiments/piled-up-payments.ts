import { setTimeout as sleep } from 'node:timers/promises'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileProviderIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn } from './caller-figures.ts'

/** The slowest provider for which the bound is made: `backlog.workedOffPerSecondMin` of payments. */
const quotaPerSecond = 1
const callersPerSecond = 10
/** An accepted payment has to be final by then (L1). */
const dueMs = 90_000
/** It would refuse callers in both arms, before anything can pile up. */
const others = { PATTERN_LOAD_SHEDDING: 'naive' }

/** The card provider takes one request per second, and ten callers per second come for a while. */
export const piledUpPayments: Experiment = {
  name: 'piled-up-payments',
  title: 'More payments are accepted than the card provider lets us finish',
  area: 'resilience',
  pattern: 'bounded-backlog',
  hypothesis:
    'However many callers come, at most a few accepted payments are not final in 90 seconds.',
  arms: {
    with: { payments: others },
    naive: { payments: { ...others, PATTERN_BOUNDED_BACKLOG: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 200, short: 180 },
  method: context => {
    const fault = { setting: 'quotaPerSecond', settings: { quotaPerSecond } }
    const healthy = { quotaPerSecond: 0 }
    return whileProviderIsFaulty(context, { ...fault, healthy }, async () => {
      await atRate(() => context.client.payAndLeave('acme'), context.size, callersPerSecond)
      await sleep(dueMs)
    })
  },
  sometimes: ['provider.requests_refused >= 1', 'attempt.pending >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const callers = callersIn(evidence)
    const count = (wanted: number) => callers.filter(({ status }) => status === wanted).length
    return {
      callers: callers.length,
      paidAtOnce: count(201),
      toldPending: count(202),
      refused: count(503),
      ...countLate(evidence),
    }
  },
  shows: {
    figure: 'late',
    of: 'toldPending',
    atLeast: 20,
    unit: 'accepted payments not final in 90 s',
  },
}

/** The payments that were not final in time. The last caller came longer ago than that. */
function countLate({ payments }: Evidence) {
  const all = rowsOf(payments)
  const unfinished = all.filter(({ status }) => status === 'pending').length
  const waits = all
    .filter(({ status }) => status !== 'pending')
    .map(({ createdAt, updatedAt }) => updatedAt - createdAt)
  return {
    late: unfinished + waits.filter(waitMs => waitMs > dueMs).length,
    longestSeconds: Math.round(Math.max(0, ...waits) / 1_000),
  }
}
