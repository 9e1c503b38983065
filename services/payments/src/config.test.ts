import { readConfig } from '@nightshift/runtime/process/config'
import { expect, test } from 'vitest'
import { Config, refuseIgnoredSwitches } from './config.ts'

const required = {
  NODE_ENV: 'test',
  DATABASE_URL: 'postgres://no-role@nowhere/nothing',
  WORKER_DATABASE_URL: 'postgres://no-role@nowhere/nothing',
  RELAY_DATABASE_URL: 'postgres://no-role@nowhere/nothing',
  KAFKA_BROKERS: 'nowhere:1',
  REDIS_URL: 'redis://nowhere',
  CARD_PROVIDER_URL: 'http://nowhere',
  CARD_PROVIDER_SECRET_KEY: 'a secret of the test',
  API_KEY_PEPPER: 'pepper'.repeat(8),
  CARD_PROVIDER_WEBHOOK_SECRETS: 'a secret of the test',
}

const check = (switches: Record<string, string>) => () =>
  refuseIgnoredSwitches(readConfig(Config, { ...required, ...switches }))

const variants = {
  PATTERN_IDEMPOTENCY_KEY: [
    'naive',
    'select-then-insert',
    'claim-in-business-transaction',
    'cache-then-charge',
  ],
  PATTERN_NATURAL_BATCHING: ['naive', 'step-by-step'],
  PATTERN_LEASE: ['naive'],
  PATTERN_CIRCUIT_BREAKER: ['naive', 'opossum-defaults'],
}

test.each(
  Object.entries(variants).flatMap(([name, values]) => values.map(value => [name, value] as const)),
)('%s=%s alone is accepted', (name, value) => {
  expect(check({ [name]: value })).not.toThrow()
})

test.each([
  ['PATTERN_LEASE=naive', 'PATTERN_IDEMPOTENCY_KEY=naive'],
  ['PATTERN_LEASE=naive', 'PATTERN_IDEMPOTENCY_KEY=cache-then-charge'],
  ['PATTERN_LEASE=naive', 'PATTERN_NATURAL_BATCHING=step-by-step'],
  ['PATTERN_NATURAL_BATCHING=naive', 'PATTERN_IDEMPOTENCY_KEY=select-then-insert'],
  ['PATTERN_NATURAL_BATCHING=step-by-step', 'PATTERN_IDEMPOTENCY_KEY=naive'],
])('a switch without effect is refused by name: %s with %s', (ignored, deciding) => {
  const switches = Object.fromEntries([ignored, deciding].map(one => one.split('=')))
  expect(check(switches)).toThrow(`${ignored}: has no effect with ${deciding}`)
})

test.each([
  ['one pepper', 'p'.repeat(43), true],
  ['two during a rotation', `${'p'.repeat(43)},${'q'.repeat(43)}`, true],
  ['a short one', 'p'.repeat(42), false],
  ['a short older one', `${'p'.repeat(43)},${'q'.repeat(42)}`, false],
  ['three', ['p', 'q', 'r'].map(letter => letter.repeat(43)).join(), false],
])('API_KEY_PEPPER may be %s: %s means %s', (_, API_KEY_PEPPER, isAccepted) => {
  const read = () => readConfig(Config, { ...required, API_KEY_PEPPER })
  if (isAccepted) expect(read().API_KEY_PEPPER).toBe(API_KEY_PEPPER)
  else expect(read).toThrow('API_KEY_PEPPER: ')
})

test('switches that both have an effect are accepted together', () => {
  const both = { PATTERN_LEASE: 'naive', PATTERN_NATURAL_BATCHING: 'naive' }
  expect(check({ ...both, PATTERN_OUTBOX: 'naive' })).not.toThrow()
})
