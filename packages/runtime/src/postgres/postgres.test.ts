import { describe, expect, test } from 'vitest'
import { isPostgresAway, isPostgresContention, isPostgresOutage } from './postgres.ts'

const withCode = (code: string) => Object.assign(new Error('x'), { code })

describe('a failure that every record would meet is an outage', () => {
  test.each([
    ['08006', 'connection failure'],
    ['08001', 'the client can not connect'],
    ['25006', 'read-only after a failover to a replica'],
    ['28P01', 'the password was changed'],
    ['28000', 'the role may not log in'],
    ['3D000', 'no such database'],
    ['53000', 'insufficient resources'],
    ['53100', 'disk full'],
    ['53200', 'out of memory'],
    ['53300', 'too many connections'],
    ['57000', 'operator intervention'],
    ['57P01', 'administrator shut it down'],
    ['57P02', 'crash of another session'],
    ['57P03', 'starting up'],
    ['57P04', 'the database was dropped'],
    ['57P05', 'idle session timeout'],
    ['ECONNREFUSED', 'no listener'],
    ['ECONNRESET', 'the other side hung up'],
    ['EPIPE', 'the other side hung up during a write'],
    ['ETIMEDOUT', 'silence'],
    ['EHOSTUNREACH', 'no route'],
    ['ENETUNREACH', 'no network'],
    ['ENOTFOUND', 'a container that is stopped has no name'],
    ['EAI_AGAIN', 'no name service'],
    ['EMFILE', 'no file descriptor is left for a socket'],
  ])('%s: %s', code => {
    expect(isPostgresOutage(withCode(code))).toBe(true)
    expect(isPostgresAway(withCode(code))).toBe(true)
    expect(isPostgresContention(withCode(code))).toBe(false)
  })

  test.each([
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'timeout expired',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
  ])('a message of the driver without a code: %s', message => {
    expect(isPostgresOutage(new Error(message))).toBe(true)
    expect(isPostgresAway(new Error(message))).toBe(true)
  })
})

/**
 * A statement timeout that depends on the record was retried for ever as an outage, and its
 * partition stood still (opslane/opslane#508, stackrox/stackrox#4716). Over HTTP it is still a 503.
 */
describe('a failure that one record may cause is no outage, and a caller may come back', () => {
  test.each([
    ['57014', 'statement timeout or cancel', false],
    ['25P03', 'idle in transaction', false],
    ['25P04', 'transaction timeout', false],
    ['40001', 'serialization failure', true],
    ['40P01', 'deadlock', true],
    ['55P03', 'lock timeout', true],
  ])('%s: %s', (code, _what, isContention) => {
    expect(isPostgresOutage(withCode(code))).toBe(false)
    expect(isPostgresContention(withCode(code))).toBe(isContention)
    expect(isPostgresAway(withCode(code))).toBe(true)
  })
})

describe('a failure that would repeat is neither', () => {
  test.each([
    '22001',
    '22021',
    '22P05',
    '23505',
    '23514',
    '25P02',
    '42501',
    '42601',
    '53400',
    '54000',
    '54001',
    '55000',
    '55P02',
    '58030',
    'P0001',
    'XX000',
    'ENOENT',
    'ECONNECTION',
    'ERR_X',
    '',
  ])('code %j', code => {
    expect(isPostgresOutage(withCode(code))).toBe(false)
    expect(isPostgresContention(withCode(code))).toBe(false)
    expect(isPostgresAway(withCode(code))).toBe(false)
  })

  test.each([
    new TypeError('x is not a function'),
    // The text of a record must not be able to call itself an outage.
    new Error('invalid input: "Connection terminated"'),
    new Error('invalid input: "timeout exceeded when trying to connect"'),
    undefined,
    null,
    'text',
    0,
    { code: 42 },
    { message: null },
  ])('%s', thrown => {
    expect(isPostgresOutage(thrown)).toBe(false)
    expect(isPostgresAway(thrown)).toBe(false)
  })
})
