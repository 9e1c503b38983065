import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openFaultLog } from '../harness/fault-log.ts'
import { openRecordingClient, type Tenant } from '../harness/recording-client.ts'
import {
  as,
  call,
  eventually,
  readProviderLog,
  saveAlert,
  setProviderFaults,
} from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'

const tenants: readonly Tenant[] = ['acme', 'northwind', 'lumen']

/** Saves two alerts that match every listing of these tests. */
export async function saveAlerts(system: TestSystem): Promise<void> {
  await saveAlert(system, { email: 'ada@example.org', area: 'europe' })
  await saveAlert(system, { email: 'grace@example.org', text: 'reliability' })
}

/** Makes about thirty publications and payments. Meanwhile the provider is silent, and payments dies. */
export async function driveThroughFaults(system: TestSystem, dir: string): Promise<void> {
  const client = openRecordingClient(system, join(dir, 'history.jsonl'))
  const recordFault = openFaultLog(join(dir, 'faults.jsonl'))
  const publishNew = async (tenant: Tenant, card?: string) => {
    const listingId = await client.draft(tenant)
    return { tenant, listingId, ...(await client.publish(tenant, listingId, card)) }
  }
  await saveAlerts(system)

  const [first, , , , paid] = await Promise.all([
    ...tenants.map(tenant => publishNew(tenant)),
    publishNew('acme', 'pm_card_chargeDeclined'),
    client.pay('acme'),
    client.pay('lumen', 'pm_card_chargeDeclinedInsufficientFunds'),
  ])
  // The client had its answer and asks again, which is a replay. Another card needs another key.
  if (first && 'listingId' in first) {
    await client.publish('acme', first.listingId, undefined, first.key)
  }
  const paymentId = paid?.answer.json['paymentId'] ?? ''
  await client.refund('acme', paymentId, 3_300)
  await authorizePayments(system)
  const refused = await publishNew('lumen', 'pm_card_chargeDeclined')
  await client.publish('lumen', refused.listingId)

  recordFault('setting', 'begin', 'card-provider/silence')
  await setProviderFaults(system, { silence: 'after' })
  const duringSilence = [
    ...tenants.map(tenant => publishNew(tenant)),
    publishNew('northwind', 'pm_card_chargeDeclined'),
    client.pay('acme', undefined, () => 1_000),
    client.pay('northwind', 'pm_card_silentBefore', () => 1_000),
    client.refund('acme', paymentId, 1_100),
  ]
  await untilLogged(system, 'reply.withheld', 4)
  await setProviderFaults(system, { silence: 'none', latencyMs: 300 })
  recordFault('setting', 'end', 'card-provider/silence')
  await Promise.all(duringSilence)

  const charged = await countLogged(system, 'intent.succeeded')
  const duringDeath = [...tenants, ...tenants].map(tenant => publishNew(tenant))
  await untilLogged(system, 'intent.succeeded', charged + 1)
  recordFault('process', 'begin', 'payments', { signal: 'SIGKILL' })
  await system.signal('payments', 'SIGKILL')
  await system.waitReady('payments')
  recordFault('process', 'end', 'payments')
  await setProviderFaults(system, { latencyMs: 0 })
  await Promise.all(duringDeath)

  await Promise.all([...tenants, ...tenants].map(tenant => publishNew(tenant)))
  await Promise.all(tenants.map(tenant => client.pay(tenant)))
}

/** Authorizes three payments, captures one, voids one, and leaves one. They are not in the history. */
async function authorizePayments(system: TestSystem): Promise<void> {
  const payments = `${system.urls.payments}/v1/payments`
  for (const action of ['capture', 'void', undefined]) {
    const body = {
      listingId: randomUUID(),
      publicationId: randomUUID(),
      amountCents: 11_900,
      taxCents: 1_900,
      currency: 'EUR',
      cardToken: 'pm_card_visa',
      captureMethod: 'manual',
    }
    const headers = as(system, 'acme', `authorize-${randomUUID()}`)
    const { json } = await call('POST', payments, { headers, body })
    if (action === undefined) continue
    const url = `${payments}/${json.paymentId}/${action}`
    const { status } = await call('POST', url, { headers: as(system, 'acme') })
    if (status !== 200) throw new Error(`the ${action} was answered ${status}`)
  }
}

/** How many lines of this type the provider's log has. */
async function countLogged(system: TestSystem, type: string): Promise<number> {
  return (await readProviderLog(system)).filter(line => line.type === type).length
}

/** @throws when the provider's log does not have so many lines of this type in time */
export function untilLogged(system: TestSystem, type: string, least: number): Promise<true> {
  return eventually(`${least} ${type}`, async () =>
    (await countLogged(system, type)) >= least ? true : undefined,
  )
}
