import { countCharges } from '../harness/count-charges.ts'
import { whileSlow } from '../harness/with-provider-faults.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 3
/** Of each request: a button that is pressed twice, and a proxy that sends again by itself. */
const copies = 3
const providerLatencyMs = 100

/** The same request several times at the same moment, against keys that are looked up first. */
export const selectThenInsertExperiment: Experiment = {
  name: 'select-then-insert',
  title: 'The same request comes three times at once; without: SELECT, then INSERT',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'Of requests under one key that come at the same moment, one charges.',
  arms: { with: {}, naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'select-then-insert' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 40, short: 10 },
  method: lab =>
    whileSlow(lab, providerLatencyMs, () =>
      runIntents(lab.size, concurrency, async () => {
        await lab.client.payAtOnce('acme', copies)
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
