import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openClient, type Tenant } from '../harness/client.ts'
import { openFaultLog } from '../harness/note-fault.ts'
import { saveAlert } from '../harness/save-alert.ts'
import { as, call, eventually, setProviderFaults } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'

const tenants: readonly Tenant[] = ['acme', 'northwind', 'lumen']

/** Two candidates who are to be told of every listing of these tests. */
export async function saveAlerts(system: TestSystem): Promise<void> {
  await saveAlert(system, { email: 'ada@example.org', area: 'europe' })
  await saveAlert(system, { email: 'grace@example.org', text: 'reliability' })
}

/** About thirty publications and payments; meanwhile the provider is silent, and payments dies. */
export async function driveThroughFaults(system: TestSystem, dir: string): Promise<void> {
  const client = openClient(system, join(dir, 'history.jsonl'))
  const noteFault = openFaultLog(join(dir, 'faults.jsonl'))
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
  // The answer had come, and the client asks again: a replay. Another card needs another key.
  if (first && 'listingId' in first) {
    await client.publish('acme', first.listingId, undefined, first.key)
  }
  const paymentId = paid?.told.json['paymentId'] ?? ''
  await client.refund('acme', paymentId, 3_300)
  await holdMoney(system)
  const refused = await publishNew('lumen', 'pm_card_chargeDeclined')
  await client.publish('lumen', refused.listingId)

  noteFault('setting', 'begin', 'card-provider/silence')
  await setProviderFaults(system, { silence: 'after' })
  const duringSilence = [
    ...tenants.map(tenant => publishNew(tenant)),
    publishNew('northwind', 'pm_card_chargeDeclined'),
    client.pay('acme', undefined, () => 1_000),
    client.pay('northwind', 'pm_card_silentBefore', () => 1_000),
    client.refund('acme', paymentId, 1_100),
  ]
  await untilLog(system, 'reply.withheld', 4)
  await setProviderFaults(system, { silence: 'none', latencyMs: 300 })
  noteFault('setting', 'end', 'card-provider/silence')
  await Promise.all(duringSilence)

  const charged = await countLogged(system, 'intent.succeeded')
  const duringDeath = [...tenants, ...tenants].map(tenant => publishNew(tenant))
  await untilLog(system, 'intent.succeeded', charged + 1)
  noteFault('process', 'begin', 'payments', { signal: 'SIGKILL' })
  await system.signal('payments', 'SIGKILL')
  await system.waitReady('payments')
  noteFault('process', 'end', 'payments')
  await setProviderFaults(system, { latencyMs: 0 })
  await Promise.all(duringDeath)

  await Promise.all([...tenants, ...tenants].map(tenant => publishNew(tenant)))
  await Promise.all(tenants.map(tenant => client.pay(tenant)))
}

/** Holds money three times: one is captured, one let go, one stays held. Nobody records it. */
async function holdMoney(system: TestSystem): Promise<void> {
  const payments = `${system.urls.payments}/v1/payments`
  for (const decision of ['capture', 'void', undefined]) {
    const ids = { listingId: randomUUID(), publicationId: randomUUID() }
    const money = { amountCents: 11_900, taxCents: 1_900, currency: 'EUR' }
    const body = { ...ids, ...money, cardToken: 'pm_card_visa', captureMethod: 'manual' }
    const headers = as(system, 'acme', `hold-${randomUUID()}`)
    const { json } = await call('POST', payments, { headers, body })
    if (decision === undefined) continue
    const url = `${payments}/${json.paymentId}/${decision}`
    const { status } = await call('POST', url, { headers: as(system, 'acme') })
    if (status !== 200) throw new Error(`the ${decision} was answered ${status}`)
  }
}

/** How often the provider wrote this down. */
async function countLogged(system: TestSystem, type: string): Promise<number> {
  const { json } = await call('GET', `${system.urls.cardProvider}/log?limit=1000`)
  return json.lines.filter((line: { type: string }) => line.type === type).length
}

/** @throws when the provider has not written it down often enough in time */
export function untilLog(system: TestSystem, type: string, least: number): Promise<true> {
  return eventually(`${least} ${type}`, async () =>
    (await countLogged(system, type)) >= least ? true : undefined,
  )
}
