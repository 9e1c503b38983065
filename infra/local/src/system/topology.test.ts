import { expect, test } from 'vitest'
import { portPlan, replicaPorts } from '../ports/ports.ts'
import { proxyLimits } from '../proxy/limits.ts'
import { makeSecrets } from './secrets.ts'
import { switchesIn } from './switches.ts'
import { type TopologyOptions, topology } from './topology.ts'

const secrets = makeSecrets()
const plan = portPlan(4000)
const links = { ports: plan, external: [] }
const replicas = {
  ports: replicaPorts(4000),
  proxy: { program: '/haproxy', libraries: '' },
  proxyConfigFile: '/data/haproxy.cfg',
}
const options: TopologyOptions = {
  nodePath: '/node',
  repoRoot: '/repository',
  dataDir: '/data',
  ports: plan,
  secrets,
  controlToken: 'control-token',
  postgresUrl: 'postgres://postgres:admin@127.0.0.1:4432/postgres',
  redisUrl: 'redis://127.0.0.1:4379',
  kafkaBrokers: '127.0.0.1:4092',
  nodeEnv: 'test',
  switches: {},
}

test('a service gets its own password and no other', () => {
  const { payments, listings } = topology(options)
  const { rolePasswords, postgresAdmin } = secrets
  const url = `postgres://payments:${rolePasswords.payments}@127.0.0.1:4432/payments`
  expect(payments.env['DATABASE_URL']).toBe(url)
  const seen = JSON.stringify(listings.env)
  for (const foreign of [rolePasswords.payments, rolePasswords.notifications, postgresAdmin]) {
    expect(seen).not.toContain(foreign)
  }
  expect(seen).not.toContain(secrets.cardProviderSecretKey)
})

test('no two processes are given the same port', () => {
  for (const each of [options, { ...options, links }, { ...options, links, replicas }]) {
    const ports = Object.values(topology(each)).flatMap(spec => spec.ports)
    expect(new Set(ports).size).toBe(ports.length)
  }
})

test('without links there is no fault proxy, and no process has its address', () => {
  const specs = topology(options)
  expect(specs).not.toHaveProperty('faults')
  const proxied = Object.values(plan).filter(port => port > plan.faults)
  for (const port of proxied) expect(JSON.stringify(specs)).not.toContain(`:${port}`)
})

test('with a log of faults only, every connection is as direct as without links', () => {
  const { faults, ...specs } = topology({ ...options, links: { ...links, logOnly: true } })
  expect(faults?.env['LINKS']).toBe('[]')
  const { FAULT_LOG_URL: _, ...env } = specs['card-provider'].env
  const direct = topology(options)
  expect(env).toEqual(direct['card-provider'].env)
  for (const name of ['payments', 'listings', 'notifications'] as const) {
    expect(specs[name]).toEqual(direct[name])
  }
})

test('with links no process has the direct address of another', () => {
  const { faults, ...others } = topology({ ...options, links })
  const planned: { upstream: string }[] = JSON.parse(faults?.env['LINKS'] ?? '')
  for (const { env } of Object.values(others)) {
    const values = Object.values(env).join(' ')
    for (const { upstream } of planned) expect(values).not.toContain(upstream)
  }
  expect(others.payments.url).toBe('http://127.0.0.1:4001')
})

test('a second instance differs from the first in its name and its ports', () => {
  const specs = topology({ ...options, links, replicas })
  for (const [first, second] of [
    [specs.payments, specs['payments-2']],
    [specs.listings, specs['listings-2']],
    [specs.notifications, specs['notifications-2']],
  ]) {
    const { PORT: _, OPERATIONS_PORT: __, ...env } = first?.env ?? {}
    expect(second?.env).toMatchObject({ ...env, DRAIN_MS: String(proxyLimits.drainMs) })
    expect(second?.name).toBe(`${first?.name}-2`)
  }
})

test('HAProxy listens where the services listen otherwise, so no address changes', () => {
  const alone = topology({ ...options, links })
  const { haproxy, ...both } = topology({ ...options, links, replicas })
  expect(haproxy?.ports.slice(0, 3)).toEqual([4201, 4202, 4203])
  expect(both.faults?.env).toEqual(alone.faults?.env)
  expect(both.payments.url).toBe(alone.payments.url)
  expect(both.listings.env['PAYMENTS_URL']).toBe(alone.listings.env['PAYMENTS_URL'])
  expect(alone).not.toHaveProperty('haproxy')
  expect(alone.payments.env).not.toHaveProperty('DRAIN_MS')
})

test('switches reach the services and not the simulators', () => {
  const specs = topology({ ...options, switches: { PATTERN_OUTBOX: 'naive' } })
  expect(specs.payments.env['PATTERN_OUTBOX']).toBe('naive')
  expect(specs.notifications.env['PATTERN_OUTBOX']).toBe('naive')
  expect(specs['card-provider'].env).not.toHaveProperty('PATTERN_OUTBOX')
})

test('only the switches of the caller’s environment are passed on', () => {
  const environment = {
    PATTERN_OUTBOX: 'naive',
    CRASH_AT: 'after_commit:1',
    LOG_LEVEL: 'debug',
    NODE_OPTIONS: '--inspect',
    AWS_SECRET_ACCESS_KEY: 'x',
    PATTERN_UNSET: undefined,
  }
  expect(switchesIn(environment)).toEqual({
    PATTERN_OUTBOX: 'naive',
    CRASH_AT: 'after_commit:1',
    LOG_LEVEL: 'debug',
  })
})

test('an unknown switch is refused by name, with the nearest known one', () => {
  const misspelt = () => switchesIn({ PATTERN_OUTBX: 'naive', PATTERN_OUTBOX: 'on' })
  expect(misspelt).toThrow(/PATTERN_OUTBX is no switch. Near: PATTERN_OUTBOX/)
})
