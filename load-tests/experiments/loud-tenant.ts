import { setTimeout as sleep } from 'node:timers/promises'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import { type HistoryLine, rowsOf } from '../auditor/evidence.ts'
import { atRate, patienceMs } from '../harness/recording-client.ts'
import { whileProviderIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'

const quotaPerSecond = 10
/** Six times the quota, by one tenant alone. */
const loudPerSecond = 60
/** Together the two others stay below their shares of the quota. */
const quietPerSecond = 2
/** The others come when the loud tenant has filled the quota. */
const headStartMs = 2_000
const loud = 'acme'
/**
 * Both would hold the loud tenant back in both arms: the limit of each tenant, and the bound of what
 * is left open.
 */
const others = {
  PATTERN_BOUNDED_BACKLOG: 'naive',
  PAYMENTS_PER_TENANT_PER_SECOND: '1000',
}

/** One tenant sends six times what the card provider takes, and two others send what they always do. */
export const loudTenant: Experiment = {
  name: 'loud-tenant',
  title: 'One tenant sends six times what the card provider takes',
  area: 'resilience',
  pattern: 'load-shedding',
  hypothesis: 'Tenants below their share are served as if the loud one were not there.',
  arms: {
    with: { payments: others },
    naive: { payments: { ...others, PATTERN_LOAD_SHEDDING: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  /** Callers of each quiet tenant. They come back when they are told to, and leave after five seconds. */
  size: { full: 25, short: 20 },
  method: context => {
    const fault = { setting: 'quotaPerSecond', settings: { quotaPerSecond } }
    const healthy = { quotaPerSecond: 0 }
    const { client } = context
    const quietPays = (tenant: 'northwind' | 'lumen') => () => client.payAsTold(tenant, patienceMs)
    const seconds = headStartMs / 1_000 + context.size / quietPerSecond
    return whileProviderIsFaulty(context, { ...fault, healthy }, async () => {
      const flood = atRate(() => client.payAndLeave(loud), seconds * loudPerSecond, loudPerSecond)
      await sleep(headStartMs)
      await Promise.all([
        flood,
        atRate(quietPays('northwind'), context.size, quietPerSecond),
        atRate(quietPays('lumen'), context.size, quietPerSecond),
      ])
    })
  },
  sometimes: ['provider.requests_refused >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const loudId = seedTenants.find(({ name }) => name === loud)?.tenantId
    const requests = rowsOf(evidence.history).filter(({ op }) => op === 'pay')
    const callers = [...Map.groupBy(requests, ({ key }) => key).values()]
    const quiet = callers.filter(([first]) => first?.tenant !== loudId)
    return {
      loudCallers: callers.length - quiet.length,
      quietCallers: quiet.length,
      quietUnserved: quiet.filter(lines => !lines.some(isPaid)).length,
      quietAskedAgain: quiet.filter(lines => lines.filter(isRequest).length > 1).length,
    }
  },
  shows: {
    figure: 'quietUnserved',
    of: 'quietCallers',
    atLeast: 10,
    unit: 'callers of other tenants not paid in five seconds',
  },
}

/** A caller leaves after its patience, so an answer that is in its history came in time. */
const isPaid = ({ status }: HistoryLine) => status === 201
const isRequest = ({ type }: HistoryLine) => type === 'invoke'
