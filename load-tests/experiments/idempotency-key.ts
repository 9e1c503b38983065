import { rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import { perHundred } from '../reporting/figures.ts'
import type { Experiment } from '../runner/experiment.ts'
import { countCharges } from './charge-figures.ts'

const concurrency = 4
const providerLatencyMs = 250
/** Shorter than the provider's latency, so that the client gives up on its first attempt. */
const impatientMs = 120
const patientMs = 5_000
/** The share of intents whose client gives up on its first attempt. */
const lostShare = 0.6

/** Answers get lost, and the clients send the same request again under the same key. */
export const idempotencyKey: Experiment = {
  name: 'idempotency-key',
  title: 'The answer is lost, and the client sends the request again',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'Each intent is charged once, however often it is sent.',
  arms: { with: {}, naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 60, short: 12 },
  method: context =>
    whileSlow(context, providerLatencyMs, () =>
      runConcurrently(context.size, concurrency, async () => {
        const isLost = context.random.chance() < lostShare
        await context.client.pay('acme', 'pm_card_visa', attempt =>
          attempt === 1 && isLost ? impatientMs : patientMs,
        )
      }),
    ),
  sometimes: ['attempt.lost >= 1', 'intent.retried >= 1', 'info.happened >= 1'],
  figures: evidence => {
    const counted = countCharges(evidence)
    const lost = rowsOf(evidence.history).filter(
      line => line.op === 'pay' && line.type === 'info' && line.status === 0,
    )
    return {
      ...counted,
      intentsWithLostAnswer: new Set(lost.map(line => line.key)).size,
      chargesPerHundredIntents: perHundred(counted.charges, counted.intents),
    }
  },
  shows: {
    figure: 'intentsChargedTooOften',
    of: 'intents',
    atLeast: 1,
    unit: 'charged too often',
  },
}
