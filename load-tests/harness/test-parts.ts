/**
 * What the integration tests share: real parts of their own, on free ports, in a directory that is
 * thrown away. A Vitest global setup; tests get at it by `inject('parts')`.
 */
import { access } from 'node:fs/promises'
import { environmentOf } from '@nightshift/local/machine'
import { findFreePorts, lateRange } from '@nightshift/local/ports/free-ports'
import type { ListenerPorts } from '@nightshift/local/ports/ports'
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

/** How a test reaches the parts. Plain data: it travels to the workers as JSON. */
export type TestParts = Readonly<{
  /** The supervisor of this test run. */
  control: Pick<SupervisorFile, 'url' | 'token'>
  stateDir: string
  /** With all rights on the whole server. */
  postgresUrl: string
  redisUrl: string
  kafkaBrokers: string
  /** Of that broker, a set for each system with links that can run at a time. */
  listenerPorts: readonly ListenerPorts[]
  secrets: Secrets
  /** Migrated and seeded databases; a copy of one is made faster than a new one. */
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
/** As many as files of tests run side by side, each with one system that is linked. */
const linkedSystemsMax = 3
const partsReadyMs = 60_000
const removedMs = 5_000

/** Parts of their own on free ports, in a directory that is thrown away, and what ends them. */
export type ThrowAwayParts = AsyncDisposable & Readonly<{ parts: TestParts }>

/** Starts parts for somebody who will measure, test or break them. They end with this process. */
export async function openThrowAwayParts(): Promise<ThrowAwayParts> {
  const dir = await makeThrowAwayDir()
  const state = statePaths(dir)
  const { PATH = '', HOME = '/' } = environmentOf({})
  const { client, file, stdin } = await launchSupervisor({
    state,
    port: 0,
    env: { PATH, HOME },
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

/** Vitest's global setup: the parts for all tests, and what ends them after the last. */
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

/** The supervisor of this test run, for tests that do something to the parts themselves. */
export function testControl(parts: TestParts): ControlClient {
  return controlClient(parts.control)
}

async function isGone(path: string): Promise<boolean> {
  return access(path).then(
    () => false,
    () => true,
  )
}
