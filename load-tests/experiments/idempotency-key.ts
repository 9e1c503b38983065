import { rowsOf } from '../auditor/evidence.ts'
import { countCharges } from '../harness/count-charges.ts'
import { whileSlow } from '../harness/with-provider-faults.ts'
import { perHundred, runIntents } from '../reporting/measure.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 4
const providerLatencyMs = 250
/** Shorter than the provider takes, so that the first answer comes too late. */
const impatientMs = 120
const patientMs = 5_000
/** Of a hundred intents, whose first answer is lost. */
const lostShare = 0.6

/** Lost answers, and clients who send the same request again under the same key. */
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
  method: lab =>
    whileSlow(lab, providerLatencyMs, () =>
      runIntents(lab.size, concurrency, async () => {
        const isLost = lab.dice() < lostShare
        await lab.client.pay('acme', 'pm_card_visa', attempt =>
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
