import { runConcurrently } from '../harness/run-concurrently.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { countCharges } from './charge-figures.ts'

const concurrency = 3
/** Copies of each request, as from a button that is pressed twice and a proxy that retries. */
const copies = 3
const providerLatencyMs = 100

/** The same request comes several times at once, against code that looks a key up first. */
export const selectThenInsertExperiment: Experiment = {
  name: 'select-then-insert',
  title: 'The same request comes three times at once; without: SELECT, then INSERT',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'When requests with one key come at the same moment, one of them charges.',
  arms: { with: {}, naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'select-then-insert' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 40, short: 10 },
  method: context =>
    whileSlow(context, providerLatencyMs, () =>
      runConcurrently(context.size, concurrency, async () => {
        await context.client.payAtOnce('acme', copies)
      }),
    ),
  sometimes: ['intent.retried >= 1', 'payment.captured >= 1'],
  figures: countCharges,
  shows: {
    figure: 'intentsChargedTooOften',
    of: 'intents',
    atLeast: 1,
    unit: 'charged too often',
  },
}
