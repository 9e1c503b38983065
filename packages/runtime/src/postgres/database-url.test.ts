import pg from 'pg'
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { ConfigError, readConfig } from '../process/config.ts'
import { withPassword } from './../process/with-password.ts'
import { DatabaseUrl } from './database-url.ts'

const schema = Type.Object({ DATABASE_URL: DatabaseUrl })

function mistakesIn(url: string): readonly string[] {
  try {
    readConfig(schema, { NODE_ENV: 'test', DATABASE_URL: url })
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

/** The parts that the driver takes from a URL. */
function partsOf(connectionString: string) {
  const { host, port, user, database, password } = new pg.Client({ connectionString })
  return { host, port, user, database, password }
}

const place = { host: 'faults', port: 4503, user: 'payments', database: 'payments' }
const awkward = [
  'a/b',
  '1/2',
  'a#b',
  '1#2',
  'a?b',
  '1?2',
  'a@b',
  '50%',
  '%41',
  '$HOME',
  ' a b ',
  'ü:',
]

test.each(awkward)('a password of its own reaches PostgreSQL unchanged: %j', password => {
  const url = withPassword('postgres://payments@faults:4503/payments', password)
  expect(mistakesIn(url)).toEqual([])
  expect(partsOf(url)).toEqual({ ...place, password })
})

test('without a password of its own the URL stays as it is', () => {
  const url = 'postgres://payments:a%2Fb@faults:4503/payments'
  expect(withPassword(url, undefined)).toBe(url)
  expect(partsOf(url)).toEqual({ ...place, password: 'a/b' })
})

test.each(awkward)('a raw password in the URL is refused, or means what it says: %j', password => {
  const url = `postgres://payments:${password}@faults:4503/payments`
  const mistakes = mistakesIn(url)
  if (mistakes.length > 0) {
    expect(mistakes).toEqual([expect.stringMatching(/^DATABASE_URL: .*DATABASE_PASSWORD/)])
    expect(mistakes.join()).not.toContain(password)
  } else {
    const { password: read, ...others } = partsOf(url)
    expect(others).toEqual(place)
    expect(read).toBe(decodeURIComponent(password))
  }
})

test.each([
  'faults:4503/payments',
  'http://payments@faults/payments',
  'postgres://faults:4503/payments',
  'postgres://payments@faults:4503',
  'postgres://payments@faults:4503/',
  'postgres://payments@/payments',
  'postgres://payments@faults:port/payments',
  'postgres://payments:%ff@faults/payments',
])('a URL without all of its parts is refused by name: %s', url => {
  expect(mistakesIn(url)).toEqual([expect.stringMatching(/^DATABASE_URL: /)])
})
