import { join } from 'node:path'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { awaitReady } from '@nightshift/local/supervisor/await-ready'
import { controlClient } from '@nightshift/local/supervisor/control-client'
import { repoRoot } from '@nightshift/local/system/state'
import { topology } from '@nightshift/local/system/topology'
import type { TestParts } from './test-parts.ts'
import type { TestSystem } from './test-system.ts'

const readyMs = 20_000

type SecondPaymentsOptions = Readonly<{
  system: TestSystem
  parts: TestParts
  /** The settings of the first instance on top of the usual ones. */
  env?: Readonly<Record<string, string>> | undefined
}>

/**
 * Starts another instance of payments beside the one of the system, on the same database, topics and
 * provider. Disposing of it stops it.
 */
export async function startSecondPayments({
  system,
  parts,
  env = {},
}: SecondPaymentsOptions): Promise<AsyncDisposable & { url: string }> {
  const { urls } = system
  const id = system.prefix.replace(/\.$/, '')
  const [payments = 0, paymentsOperations = 0] = await findFreePorts(2)
  const { payments: spec } = topology({
    nodePath: process.execPath,
    repoRoot,
    dataDir: join(parts.stateDir, 'data', id),
    ports: {
      payments,
      paymentsOperations,
      listings: portOf(urls.listings),
      listingsOperations: portOf(urls.listingsOperations),
      notifications: portOf(urls.notifications),
      notificationsOperations: portOf(urls.notificationsOperations),
      cardProvider: portOf(urls.cardProvider),
      mailbox: portOf(urls.mailbox),
      traceSink: portOf(urls.traceSink),
      smtp: 0, // payments sends no mail
      console: 0,
    },
    secrets: system.secrets,
    controlToken: system.controlToken,
    postgresUrl: parts.postgresUrl,
    databases: {
      payments: databaseOf(system.databaseUrl('payments')),
      listings: databaseOf(system.databaseUrl('listings')),
      notifications: databaseOf(system.databaseUrl('notifications')),
    },
    redisUrl: system.redisUrl,
    kafkaBrokers: system.brokers,
    kafkaPrefix: system.prefix,
    nodeEnv: 'test',
    exportTraces: false,
    switches: {},
  })
  const name = `${id}_payments-2`
  const client = controlClient(parts.control)
  await client.add({ ...spec, name, env: { ...spec.env, ...env } })
  const remove = () => client.remove(name)
  try {
    await awaitReady(client, [name], readyMs)
  } catch (error) {
    await remove()
    throw error
  }
  return { url: spec.url ?? '', [Symbol.asyncDispose]: remove }
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1)
}
