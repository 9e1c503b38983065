import { expect, test } from 'vitest'
import { portPlan } from './ports.ts'
import { makeSecrets } from './secrets.ts'
import { switchesIn, type TopologyOptions, topology } from './topology.ts'

const secrets = makeSecrets()
const options: TopologyOptions = {
  nodePath: '/node',
  repoRoot: '/repository',
  dataDir: '/data',
  ports: portPlan(4000),
  secrets,
  postgresUrl: 'postgres://postgres:admin@127.0.0.1:4432/postgres',
  redisUrl: 'redis://127.0.0.1:4379',
  kafkaBrokers: '127.0.0.1:4092',
  nodeEnv: 'test',
  switches: {},
}

test('a service gets its own password, and nobody else’s', () => {
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
  const ports = Object.values(topology(options)).flatMap(spec => spec.ports)
  expect(new Set(ports).size).toBe(ports.length)
})

test('switches reach the services and not the outside parties', () => {
  const specs = topology({ ...options, switches: { PATTERN_OUTBOX: 'naive' } })
  expect(specs.payments.env['PATTERN_OUTBOX']).toBe('naive')
  expect(specs.notifications.env['PATTERN_OUTBOX']).toBe('naive')
  expect(specs['card-provider'].env).not.toHaveProperty('PATTERN_OUTBOX')
})

test('of the caller’s environment only the switches are passed on', () => {
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
