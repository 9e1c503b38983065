import { runConcurrently } from '../harness/run-concurrently.ts'
import { eventually, readProviderLog } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Experiment } from '../runner/experiment.ts'
import { countDeclinedButCharged } from './charge-figures.ts'

const concurrency = 6
/** The provider charges 5 s after the request. */
const executedMs = 30_000

/** The provider does not answer, then knows of no such charge, and charges the card afterwards. */
export const lateExecution: Experiment = {
  name: 'late-execution',
  title: 'The provider charges late; without: "not found, so it failed"',
  area: 'payments',
  pattern: 'unknown-outcome',
  hypothesis:
    'No client whose card will be charged is told "declined", however late the charge is.',
  arms: { with: {}, naive: { payments: { PATTERN_UNKNOWN_OUTCOME: 'not-found-is-failed' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 24, short: 6 },
  method: async ({ system, client, recordFault, size }) => {
    recordFault('card', 'begin', 'pm_card_late')
    await runConcurrently(size, concurrency, async () => {
      await client.pay('acme', 'pm_card_late')
    })
    await eventually(
      'every late request was executed or dropped',
      async () => ((await openLateRequests(system)) === 0 ? true : undefined),
      executedMs,
    )
    recordFault('card', 'end', 'pm_card_late')
  },
  sometimes: ['provider.request_delayed >= 1', 'attempt.pay >= 1'],
  figures: countDeclinedButCharged,
  shows: {
    figure: 'toldDeclinedButCharged',
    of: 'intents',
    atLeast: 1,
    unit: 'told "declined", and charged',
  },
}

/** How many delayed requests the provider has neither executed nor dropped yet. */
async function openLateRequests(system: TestSystem): Promise<number> {
  const lines = await readProviderLog(system)
  const delayed = lines.filter(({ type }) => type === 'request.delayed').length
  return delayed - lines.filter(line => 'late' in line && line.late).length
}
