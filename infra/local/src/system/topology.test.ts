import { expect, test } from 'vitest'
import { portPlan } from '../ports/ports.ts'
import { makeSecrets } from './secrets.ts'
import { switchesIn } from './switches.ts'
import { type TopologyOptions, topology } from './topology.ts'

const secrets = makeSecrets()
const plan = portPlan(4000)
const links = { ports: plan, external: [] }
const options: TopologyOptions = {
  nodePath: '/node',
  repoRoot: '/repository',
  dataDir: '/data',
  ports: plan,
  secrets,
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
  for (const each of [options, { ...options, links }]) {
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

test('with links no process has the direct address of another', () => {
  const { faults, ...others } = topology({ ...options, links })
  const planned: { upstream: string }[] = JSON.parse(faults?.env['LINKS'] ?? '')
  for (const { env } of Object.values(others)) {
    const values = Object.values(env).join(' ')
    for (const { upstream } of planned) expect(values).not.toContain(upstream)
  }
  expect(others.payments.url).toBe('http://127.0.0.1:4001')
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
