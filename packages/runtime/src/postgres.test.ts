import type { QueryResult } from 'pg'
import { describe, expect, test } from 'vitest'
import { isPostgresAway, type Queryable, requirePostgres17 } from './postgres.ts'

const withCode = (code: string) => Object.assign(new Error('x'), { code })

describe('the world failed, and not the statement', () => {
  test.each([
    ['08006', 'connection failure'],
    ['40001', 'serialization failure'],
    ['40P01', 'deadlock'],
    ['53300', 'too many connections'],
    ['55P03', 'lock not available'],
    ['57014', 'statement timeout'],
    ['57P01', 'shut down'],
    ['57P03', 'starting up'],
    ['25P03', 'idle in transaction'],
    ['25P04', 'transaction timeout'],
    ['ECONNREFUSED', 'nobody listens'],
    ['ECONNRESET', 'hung up'],
    ['EPIPE', 'hung up while we wrote'],
    ['ETIMEDOUT', 'silence'],
    ['EHOSTUNREACH', 'no way there'],
    ['ENETUNREACH', 'no network'],
    ['ENOTFOUND', 'a container that is stopped has no name'],
    ['EAI_AGAIN', 'no name service'],
  ])('%s: %s', code => {
    expect(isPostgresAway(withCode(code))).toBe(true)
  })

  test.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
  ])('the driver says so without a code: %s', message => {
    expect(isPostgresAway(new Error(message))).toBe(true)
  })
})

describe('the same work would fail again', () => {
  test.each(['23505', '23514', '22021', '22P05', '42601', '42501', '28P01', 'ERR_X', ''])(
    'code %j',
    code => {
      expect(isPostgresAway(withCode(code))).toBe(false)
    },
  )

  test.each([
    new TypeError('x is not a function'),
    undefined,
    null,
    'text',
    0,
    { code: 42 },
    { message: null },
  ])('%s', thrown => {
    expect(isPostgresAway(thrown)).toBe(false)
  })
})

/** As much of a server as the check asks for. */
function serverOf(version: string): Queryable {
  const query = async () => ({ rows: [{ version }] }) as unknown as QueryResult
  return { query } as unknown as Queryable
}

test('a server older than 17 is refused with what was found', async () => {
  await expect(requirePostgres17(serverOf('160009'))).rejects.toThrow(/17 or newer.*160009/)
  await requirePostgres17(serverOf('170000'))
})
