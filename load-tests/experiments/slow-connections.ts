import { atRate } from '../harness/recording-client.ts'
import { whileLinkIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { endsDuringFault } from './caller-figures.ts'

/** About twice as many as ten connections can serve, with so slow answers. */
const callersPerSecond = 80
const patienceMs = 1_500
const slowMs = 40
/** Both would refuse callers in both arms: the limit of the tenant, and the bound of what is left open. */
const others = { PUBLICATIONS_PER_TENANT_PER_SECOND: '100000', PATTERN_BOUNDED_BACKLOG: 'naive' }

/** Each answer of the database takes 40 ms longer, and more employers publish than there are connections for. */
export const slowConnections: Experiment = {
  name: 'slow-connections',
  title: 'The database answers slowly, and all connections are taken',
  area: 'resilience',
  pattern: 'load-shedding',
  hypothesis: 'Some callers are served in time and the others are refused. Nobody waits in vain.',
  arms: {
    with: { listings: others },
    naive: { listings: { ...others, PATTERN_LOAD_SHEDDING: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  links: true,
  breaksNoPromise: true,
  size: { full: 800, short: 400 },
  method: async context => {
    const { client, size } = context
    const drafts = await atRate(() => client.draft('acme'), size, callersPerSecond)
    const publishNext = () => client.publishAndLeave('acme', drafts.pop() ?? '', patienceMs)
    const slow = { type: 'latency', stream: 'downstream', attributes: { latency: slowMs } } as const
    await whileLinkIsFaulty(context, 'listings-postgres', slow, () =>
      atRate(publishNext, size, callersPerSecond),
    )
  },
  sometimes: ['fault.toxic >= 1', 'attempt.publish >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const { callers, paid, refused, left, p99PaidMs } = endsDuringFault(evidence, 'publish')
    return { callers, paid, refused, leftWithoutAnswer: left, p99PaidMs }
  },
  shows: {
    figure: 'leftWithoutAnswer',
    of: 'callers',
    atLeast: 100,
    unit: 'callers left without an answer',
  },
}
