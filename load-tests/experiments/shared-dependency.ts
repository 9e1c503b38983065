import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { openTestInjector } from '../harness/test-injector.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'

const callersPerSecond = 30
/** Events wait in the outbox meanwhile, so no caller needs Kafka for its answer. */
const kafkaLinks = ['payments-kafka', 'listings-kafka', 'notifications-kafka'] as const

/** Kafka is away for all instances, while callers pay, write drafts and read. */
export const sharedDependency: Experiment = {
  name: 'shared-dependency',
  title: 'A dependency that all instances share, and no caller needs, is away',
  area: 'resilience',
  pattern: 'health-checks',
  hypothesis: 'What can be served without a dependency is served while it is away.',
  arms: {
    with: {},
    naive: {
      payments: { PATTERN_HEALTH_CHECKS: 'naive' },
      'payments-2': { PATTERN_HEALTH_CHECKS: 'naive' },
      listings: { PATTERN_HEALTH_CHECKS: 'naive' },
      'listings-2': { PATTERN_HEALTH_CHECKS: 'naive' },
      notifications: { PATTERN_HEALTH_CHECKS: 'naive' },
      'notifications-2': { PATTERN_HEALTH_CHECKS: 'naive' },
    },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  replicas: 2,
  links: true,
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 600, short: 240 },
  method: async context => {
    const injector = openTestInjector(context.system, context.parts)
    const call = await callersOf(context)
    for (const link of kafkaLinks) await injector.takeDown(link)
    await atRate(call, context.size, callersPerSecond)
    for (const link of kafkaLinks) await injector.bringUp(link)
  },
  sometimes: ['fault.proxy >= 3', 'payment.captured >= 1'],
  figures: evidence => {
    const statuses = statusesWhileAway(evidence)
    return {
      callers: statuses.length,
      refused: statuses.filter(status => status === 503).length,
      failed: statuses.filter(status => status === 0 || (status >= 500 && status !== 503)).length,
    }
  },
  shows: { figure: 'refused', of: 'callers', atLeast: 60, unit: 'callers refused' },
}

/** Callers who, in turn, pay, write a draft and read one. */
async function callersOf({ client }: ExperimentContext): Promise<() => Promise<unknown>> {
  const listingId = await client.draft('acme')
  const kinds = [
    () => client.payAndLeave('acme'),
    () => client.draft('acme'),
    () => client.read('acme', 'listing', listingId),
  ]
  let called = 0
  return async () => {
    const kind = kinds[called % kinds.length]
    called += 1
    return kind?.()
  }
}

/** The answers to everything that was asked between the first fault and the end of one. */
function statusesWhileAway({ history, faultLog }: Evidence): number[] {
  const faults = rowsOf(faultLog)
  const beganAt = faults.find(({ action }) => action === 'begin')?.t ?? 0
  const endedAt = faults.find(({ action }) => action === 'end')?.t ?? 0
  return Map.groupBy(rowsOf(history), ({ proc }) => proc)
    .values()
    .flatMap(([asked, told]) =>
      asked && told && asked.t >= beganAt && asked.t < endedAt ? [told.status ?? 0] : [],
    )
    .toArray()
}
