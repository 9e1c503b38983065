import { rowsOf } from '../auditor/evidence.ts'
import { countCharges } from '../harness/count-charges.ts'
import { startSecondPayments } from '../harness/second-payments.ts'
import { whileSlow } from '../harness/with-provider-faults.ts'
import type { Experiment } from '../runner/experiment.ts'

const providerLatencyMs = 200

/** One intent, sent two hundred times at once to two instances. */
export const sameKeyStorm: Experiment = {
  name: 'same-key-storm',
  title: 'One request two hundred times at once, on two instances; without: SELECT, then INSERT',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'One of them charges, whichever instance it reaches.',
  arms: { with: {}, naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'select-then-insert' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  // Requests, all for one intent.
  size: { full: 200, short: 60 },
  method: async lab => {
    const { system, client, size } = lab
    await using second = await startSecondPayments(lab)
    await whileSlow(lab, providerLatencyMs, async () => {
      await client.payAtOnce('acme', size, [system.urls.payments, second.url])
    })
  },
  sometimes: ['intent.retried >= 1', 'attempt.replayed >= 1'],
  figures: evidence => {
    const requests = rowsOf(evidence.history).filter(
      ({ op, type, req }) => op === 'pay' && type === 'invoke' && req['attempt'] === 1,
    )
    return { requests: requests.length, ...countCharges(evidence) }
  },
  shows: { figure: 'chargedTooOften', of: 'requests', atLeast: 1, unit: 'charged too often' },
}
