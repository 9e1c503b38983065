import { seedTenants } from '@nightshift/local/seed/seed-data'
import { rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { randomSeed, whileProviderIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'
import { countCharges } from './charge-figures.ts'

const settings = { latencyMs: 1_200, errorAfterRate: 0.3 }
const healthy = { latencyMs: 0, errorAfterRate: 0 }
/** One employer sends each of these keys `copies` times at once. */
const keysPerWave = 4
const copies = 10
/** Meanwhile another employer makes these payments, each sent once. */
const othersPerWave = 5
const otherTenant = 'northwind'

/** One employer sends duplicates while the provider is slow, and another employer wants to pay. */
export const claimInTransaction: Experiment = {
  name: 'claim-in-transaction',
  title:
    'Duplicates while the provider is slow; without: the claim in one transaction with the rest',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'Ten copies of one request take no database connection from another employer.',
  arms: {
    with: {},
    naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'claim-in-business-transaction' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 6, short: 2 },
  method: async context => {
    const seed = randomSeed(context)
    const fault = { setting: 'latencyMs', settings: { ...settings, seed }, healthy }
    await whileProviderIsFaulty(context, fault, () =>
      runConcurrently(context.size, 1, () => sendWave(context)),
    )
  },
  sometimes: ['intent.retried >= 1', 'provider.reply_error >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const tenantId = seedTenants.find(({ name }) => name === otherTenant)?.tenantId
    const firstAnswers = rowsOf(evidence.history).filter(
      ({ op, type, tenant, req }) =>
        op === 'pay' && type !== 'invoke' && tenant === tenantId && req['attempt'] === 1,
    )
    const refused = firstAnswers.filter(({ status }) => status === 503 || status === 0)
    return {
      others: firstAnswers.length,
      othersRefused: refused.length,
      ...countCharges(evidence),
    }
  },
  shows: { figure: 'othersRefused', of: 'others', atLeast: 1, unit: 'others refused' },
}

async function sendWave({ client }: ExperimentContext): Promise<void> {
  const duplicates = runConcurrently(keysPerWave, keysPerWave, async () => {
    await client.payAtOnce('acme', copies)
  })
  const others = runConcurrently(othersPerWave, othersPerWave, async () => {
    await client.pay(otherTenant)
  })
  await Promise.all([duplicates, others])
}
