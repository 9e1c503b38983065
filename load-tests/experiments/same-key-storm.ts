import { rowsOf } from '../auditor/evidence.ts'
import { startSecondPayments } from '../harness/second-payments.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { countCharges } from './charge-figures.ts'

const providerLatencyMs = 200

/** One intent is sent two hundred times at once, to two instances of payments. */
export const sameKeyStorm: Experiment = {
  name: 'same-key-storm',
  title: 'One request two hundred times at once, on two instances; without: SELECT, then INSERT',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'One of the requests charges, whichever instance it reaches.',
  arms: { with: {}, naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'select-then-insert' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  // Here the size is the number of requests, all for one intent.
  size: { full: 200, short: 60 },
  method: async context => {
    const { system, parts, client, settings, size } = context
    await using second = await startSecondPayments({ system, parts, env: settings.payments })
    await whileSlow(context, providerLatencyMs, async () => {
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
