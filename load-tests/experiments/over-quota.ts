import { rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileProviderIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn } from './caller-figures.ts'

const quotaPerSecond = 10
const callersPerSecond = 40
/** It would refuse callers in both arms, once enough is left open. */
const backlog = { PATTERN_BOUNDED_BACKLOG: 'naive' }

/** Four times as many payments arrive as the card provider takes. */
export const overQuota: Experiment = {
  name: 'over-quota',
  title: 'Four times as many payments arrive as the card provider takes',
  area: 'resilience',
  pattern: 'load-shedding',
  hypothesis: 'What the provider has no room for is refused before anything is begun.',
  arms: {
    with: { payments: backlog },
    naive: { payments: { ...backlog, PATTERN_LOAD_SHEDDING: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 480, short: 240 },
  method: context => {
    const fault = { setting: 'quotaPerSecond', settings: { quotaPerSecond } }
    const healthy = { quotaPerSecond: 0 }
    return whileProviderIsFaulty(context, { ...fault, healthy }, () =>
      atRate(() => context.client.payAndLeave('acme'), context.size, callersPerSecond),
    )
  },
  sometimes: ['provider.requests_refused >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const statuses = callersIn(evidence).map(({ status }) => status)
    const count = (status: number) => statuses.filter(one => one === status).length
    const refusals = rowsOf(evidence.provider).filter(({ type }) => type === 'requests.refused')
    return {
      callers: statuses.length,
      paidAtOnce: count(201),
      leftOpen: count(202),
      refusedAtOnce: count(503),
      refusedByProvider: refusals.reduce((sum, { count: requests = 1 }) => sum + requests, 0),
    }
  },
  shows: {
    figure: 'leftOpen',
    of: 'callers',
    atLeast: 60,
    unit: 'payments begun and left open',
  },
}
