import { seedTenants } from '@nightshift/local/seed/seed-data'
import { rowsOf } from '../auditor/evidence.ts'
import { countCharges } from '../harness/count-charges.ts'
import { whileProviderIsFaulty } from '../harness/with-provider-faults.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment, Lab } from '../runner/experiment.ts'

const settings = { latencyMs: 1_200, errorAfterRate: 0.3 }
const atRest = { latencyMs: 0, errorAfterRate: 0 }
/** Of one employer, each sent so many times at once. */
const keysPerWave = 4
const copies = 10
/** Payments that another employer takes meanwhile, each once. */
const othersPerWave = 5
const otherTenant = 'northwind'

/** Duplicates of one employer while the provider is slow, and another employer who wants to pay. */
export const claimInTransaction: Experiment = {
  name: 'claim-in-transaction',
  title:
    'Duplicates while the provider is slow; without: the claim in one transaction with the rest',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'Whoever sends one request ten times takes no connection from anybody else.',
  arms: {
    with: {},
    naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'claim-in-business-transaction' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 6, short: 2 },
  method: async lab => {
    const seed = Math.floor(lab.dice() * 1_000_000)
    const fault = { setting: 'latencyMs', settings: { ...settings, seed }, rest: atRest }
    await whileProviderIsFaulty(lab, fault, () => runIntents(lab.size, 1, () => sendWave(lab)))
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

async function sendWave({ client }: Lab): Promise<void> {
  const keys = runIntents(keysPerWave, keysPerWave, async () => {
    await client.payAtOnce('acme', copies)
  })
  const others = runIntents(othersPerWave, othersPerWave, async () => {
    await client.pay(otherTenant)
  })
  await Promise.all([keys, others])
}
