import { Type } from 'typebox'
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig, secret } from './config.ts'

const schema = Type.Object({
  PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4001 }),
  DATABASE_URL: Type.String({ pattern: '^postgres://' }),
  LEVEL: Type.Enum(['debug', 'info'], { default: 'info' }),
  ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
})
const enough = { DATABASE_URL: 'postgres://db' }

function mistakesOf(work: () => unknown): readonly string[] {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

test('an unset variable gets its default, and an optional one without a default stays unset', () => {
  expect(readConfig(schema, enough)).toEqual({
    PORT: 4001,
    DATABASE_URL: 'postgres://db',
    LEVEL: 'info',
  })
})

test('an empty variable counts as not set', () => {
  expect(readConfig(schema, { ...enough, PORT: '', LEVEL: '', ENDPOINT: '' }).PORT).toBe(4001)
  expect(mistakesOf(() => readConfig(schema, { DATABASE_URL: '' }))).toEqual([
    'DATABASE_URL: is not set',
  ])
})

test('only the variables that the schema names are looked at', () => {
  const config = readConfig(schema, { ...enough, HOME: '/home/x', __proto__: null } as never)
  expect(Object.keys(config).sort()).toEqual(['DATABASE_URL', 'LEVEL', 'PORT'])
})

test.each([
  '0',
  '65536',
  '12.7',
  '0x10',
  ' 5',
  '5 ',
  '1e3',
  '+5',
  'NaN',
  'Infinity',
  '9'.repeat(30),
])('%j is no port', PORT => {
  expect(mistakesOf(() => readConfig(schema, { ...enough, PORT }))).toHaveLength(1)
})

test('an integer is a number', () => {
  expect(readConfig(schema, { ...enough, PORT: '8080' }).PORT).toBe(8080)
})

test.each(['0', '0.1', '1', '0.25'])('a share of %j is a number', share => {
  const shares = Type.Object({ SHARE: Type.Number({ minimum: 0, maximum: 1 }) })
  expect(readConfig(shares, { SHARE: share }).SHARE).toBe(Number(share))
})

test.each(['.5', '1e-1', '0,1', '1.', '1.5', ' 1', ''])('a share of %j is none', share => {
  const shares = Type.Object({ SHARE: Type.Number({ minimum: 0, maximum: 1 }) })
  expect(mistakesOf(() => readConfig(shares, { SHARE: share })).join()).toMatch(/^SHARE: /)
})

test('a string that looks like a number stays a string', () => {
  const digits = Type.Object({ PREFIX: Type.String() })
  expect(readConfig(digits, { PREFIX: '007' }).PREFIX).toBe('007')
})

test.each(['0x1F90', '8e3', ' 8080', '8080.0', '+8080', '08080', '8_080', '\n8080'])(
  'a port of %j is not one: an integer is written as JSON writes it',
  port => {
    const mistakes = mistakesOf(() => readConfig(schema, { ...enough, PORT: port }))
    expect(mistakes.join()).toMatch(/^PORT: /)
  },
)

test('every mistake is listed at once, however many there are', () => {
  const names = Array.from({ length: 30 }, (_, i) => `SETTING_${i}`)
  const many = Type.Object(
    Object.fromEntries(names.map(name => [name, Type.Integer({ minimum: 1 })])),
  )
  const half = Object.fromEntries(names.slice(0, 15).map(name => [name, '0']))
  const mistakes = mistakesOf(() => readConfig(many, half))
  for (const name of names) expect(mistakes.join('\n')).toContain(`${name}: `)
})

test('a mistake never repeats the value: it may be a secret', () => {
  const secret = 'hunter2hunter2'
  const all = { PORT: secret, DATABASE_URL: secret, LEVEL: secret, ENDPOINT: secret }
  const mistakes = mistakesOf(() => readConfig(schema, all))
  expect(mistakes).toHaveLength(4)
  expect(mistakes.join()).not.toContain(secret)
  expect(new ConfigError(mistakes).message).not.toContain(secret)
})

test('a mistake in a choice says what could be chosen', () => {
  const mistakes = mistakesOf(() => readConfig(schema, { ...enough, LEVEL: 'loud' }))
  expect(mistakes.join()).toMatch(/LEVEL: .*debug, info/)
})

test('a configuration is frozen', () => {
  const config = readConfig(schema, enough)
  expect(() => Object.assign(config, { PORT: 1 })).toThrow(TypeError)
})

describe('a public default of a secret', () => {
  const guarded = Type.Object({
    NODE_ENV: Type.Enum(['development', 'test', 'staging', 'production'], {
      default: 'production',
    }),
    PEPPER: Type.String({ minLength: 43, ...secret }),
    URL: Type.String({ pattern: '^postgres://', ...secret }),
    BROKERS: Type.String(),
  })
  const defaults = {
    PEPPER: 'development-only-pepper-of-somebody-00000000',
    URL: 'postgres://payments:development-payments@db/payments',
    BROKERS: 'development-kafka:9092',
  }

  test.each(['development', 'test'])('is taken in %s', NODE_ENV => {
    expect(mistakesOf(() => readConfig(guarded, { ...defaults, NODE_ENV }))).toEqual([])
  })

  test.each(['staging', 'production', undefined])('is refused when NODE_ENV is %s', NODE_ENV => {
    const mistakes = mistakesOf(() => readConfig(guarded, { ...defaults, NODE_ENV }))
    expect(mistakes.map(mistake => mistake.split(':', 1)[0])).toEqual(['PEPPER', 'URL'])
    expect(mistakes.join()).not.toMatch(/development-/)
  })

  test('is refused where NODE_ENV is not set', () => {
    const placeless = Type.Object({ PEPPER: Type.String(secret) })
    expect(mistakesOf(() => readConfig(placeless, defaults))).toHaveLength(1)
  })

  test('a secret that is too short is refused everywhere', () => {
    const short = { ...defaults, NODE_ENV: 'test', PEPPER: 'x'.repeat(42) }
    expect(mistakesOf(() => readConfig(guarded, short))).toHaveLength(1)
  })
})
