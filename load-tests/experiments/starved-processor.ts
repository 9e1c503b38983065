import { atRate } from '../harness/recording-client.ts'
import { starveProcess } from '../harness/starve-process.ts'
import type { Experiment } from '../runner/experiment.ts'
import { endsDuringFault } from './caller-figures.ts'

const callersPerSecond = 200
const patienceMs = 2_000
/** A cold process compiles its code with the processor time that it does not have. */
const callersBefore = 1_000
/** They show that it is over. */
const callersAfter = 120
const limit = { share: 0.2, periodMs: 100 }
/** Both would refuse callers in both arms: the limit of the tenant, and the bound of what is left open. */
const others = { PAYMENTS_PER_TENANT_PER_SECOND: '100000', PATTERN_BOUNDED_BACKLOG: 'naive' }

/** Payments gets a fifth of a core, and more callers come than it can serve with that. */
export const starvedProcessor: Experiment = {
  name: 'starved-processor',
  title: 'Payments has a fifth of a core, under a load that needs more',
  area: 'resilience',
  pattern: 'load-shedding',
  hypothesis: 'Some callers are served in time and the others are refused. Nobody is left waiting.',
  arms: {
    with: { payments: others },
    naive: { payments: { ...others, PATTERN_LOAD_SHEDDING: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 4_000, short: 2_000 },
  method: async ({ system, client, recordFault, size }) => {
    const pay = () => client.payAndLeave('acme', { waitMs: patienceMs, saysSo: true })
    await atRate(pay, callersBefore, callersPerSecond)
    const { pid } = await system.status('payments')
    if (pid === undefined) throw new Error('payments does not run')
    recordFault('process', 'begin', 'payments', limit)
    {
      await using _starving = starveProcess(pid, limit)
      await atRate(pay, size, callersPerSecond)
    }
    recordFault('process', 'end', 'payments')
    await system.waitReady('payments')
    await atRate(pay, callersAfter, callersPerSecond / 2)
  },
  sometimes: ['payment.captured >= 1'],
  figures: evidence => {
    const { callers, paid, refused, left, p99PaidMs } = endsDuringFault(evidence)
    return { callers, paid, refused, withoutAnswer: left, p99PaidMs }
  },
  shows: {
    figure: 'withoutAnswer',
    of: 'callers',
    atLeast: 500,
    unit: 'callers left without an answer',
  },
}
