/**
 * The integration tests share real parts on free ports, in a directory that is thrown away. This file
 * is a Vitest global setup: a test gets the parts by `inject('parts')`.
 */
import { access } from 'node:fs/promises'
import { environmentOf, programEnvironment } from '@nightshift/local/machine'
import { findFreePorts, lateRange } from '@nightshift/local/ports/free-ports'
import type { ListenerPorts } from '@nightshift/local/ports/ports'
import { closeCommonDatabases, withDatabase } from '@nightshift/local/prepare/database-admin'
import { prepareDatabases } from '@nightshift/local/prepare/prepare'
import { awaitReady } from '@nightshift/local/supervisor/await-ready'
import { type ControlClient, controlClient } from '@nightshift/local/supervisor/control-client'
import { launchSupervisor } from '@nightshift/local/supervisor/launch-supervisor'
import type { SupervisorFile } from '@nightshift/local/supervisor/supervisor-file'
import { kafkaListeners } from '@nightshift/local/system/links'
import {
  makeSecrets,
  type Secrets,
  type ServiceName,
  serviceNames,
} from '@nightshift/local/system/secrets'
import { findParts, partNames, partUrls, startParts } from '@nightshift/local/system/start-parts'
import { type StatePaths, statePaths } from '@nightshift/local/system/state'
import { makeThrowAwayDir } from '@nightshift/local/throw-away'
import { waitUntil } from '@nightshift/local/wait-until'
import type { TestProject } from 'vitest/node'

/** How a test reaches the parts. It is plain data, because it travels to the workers as JSON. */
export type TestParts = Readonly<{
  /** The supervisor of this test run. */
  control: Pick<SupervisorFile, 'url' | 'token'>
  stateDir: string
  /** The URL of a superuser. */
  postgresUrl: string
  redisUrl: string
  kafkaBrokers: string
  /** One set of Kafka listeners for each system with links that can run at a time. */
  listenerPorts: readonly ListenerPorts[]
  secrets: Secrets
  /** Migrated and seeded databases: to copy one is faster than to make a new one. */
  templates: Readonly<Record<ServiceName, string>>
}>

declare module 'vitest' {
  export interface ProvidedContext {
    parts: TestParts
  }
}

const templates = {
  payments: 'template_payments',
  listings: 'template_listings',
  notifications: 'template_notifications',
}
/** One for each test file that runs at the same time (`integrationWorkers`). */
const linkedSystemsMax = 3
const partsReadyMs = 60_000
const removedMs = 5_000

/** Disposing of the parts stops them, and deletes their directory. */
export type ThrowAwayParts = AsyncDisposable & Readonly<{ parts: TestParts }>

/** Starts parts on free ports, to be measured, tested or broken. They end with this process at the latest. */
export async function openThrowAwayParts(): Promise<ThrowAwayParts> {
  const dir = await makeThrowAwayDir()
  const state = statePaths(dir)
  const { client, file, stdin } = await launchSupervisor({
    state,
    port: 0,
    env: programEnvironment(environmentOf({})),
    throwAway: { dir },
  })
  const end = async () => {
    await client.shutdown()
    stdin?.end()
    await waitUntil(() => isGone(dir), removedMs)
  }
  try {
    const { url, token } = file
    const opened = await openParts(client, state)
    const parts = { control: { url, token }, stateDir: dir, templates, ...opened }
    return { parts, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}

/** Vitest calls this before all tests, and the returned function after the last one. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const open = await openThrowAwayParts()
  project.provide('parts', open.parts)
  return async () => {
    await open[Symbol.asyncDispose]()
  }
}

async function openParts(client: ControlClient, state: StatePaths) {
  const [postgres = 0, redis = 0, kafka = 0, kafkaController = 0, ...listeners] =
    await findFreePorts(4 + linkedSystemsMax * serviceNames.length)
  const proxies = await findFreePorts(linkedSystemsMax * serviceNames.length, lateRange)
  const listenerPorts = Array.from({ length: linkedSystemsMax }, () =>
    takeListenerPorts(listeners, proxies),
  )
  const options = {
    toolsDir: statePaths().tools,
    dataDir: state.data,
    ports: { postgres, redis, kafka, kafkaController },
    kafkaListeners: listenerPorts.flatMap(kafkaListeners),
    secrets: makeSecrets(),
    report: (line: string) => process.stderr.write(`${line}\n`),
  }
  const { found, missing } = await findParts(partNames, options)
  if (missing.length > 0) {
    throw new Error(missing.map(({ needed, fix }) => `${needed} is missing: ${fix}`).join('\n'))
  }
  const urls = partUrls(options)
  const started = startParts(client, found, options)
  await awaitReady(client, await started, partsReadyMs)
  await withDatabase(urls.postgresUrl, closeCommonDatabases)
  await prepareDatabases(urls.postgresUrl, options.secrets, templates)
  return { ...urls, listenerPorts, secrets: options.secrets }
}

function takeListenerPorts(listeners: number[], proxies: number[]): ListenerPorts {
  return {
    kafkaForPayments: listeners.pop() ?? 0,
    kafkaForListings: listeners.pop() ?? 0,
    kafkaForNotifications: listeners.pop() ?? 0,
    paymentsToKafka: proxies.pop() ?? 0,
    listingsToKafka: proxies.pop() ?? 0,
    notificationsToKafka: proxies.pop() ?? 0,
  }
}

/** The supervisor of this test run, for tests that stop or kill the parts themselves. */
export function testControl(parts: TestParts): ControlClient {
  return controlClient(parts.control)
}

async function isGone(path: string): Promise<boolean> {
  return access(path).then(
    () => false,
    () => true,
  )
}
