import { expect, test } from 'vitest'
import { type LogFields, openLog } from './logger.ts'

const secret = 'hunter2-hunter2'
const lengthOfText = 50_000
/** For the message, and for the stack that repeats it: 2 ms, and 8 s with a slow pattern. */
const readMs = 250

/** Answers the lines as they are written. */
function linesOf(...fields: Record<string, unknown>[]): Record<string, unknown>[] {
  const written: string[] = []
  const log = openLog('test', { write: line => void written.push(line) })
  for (const one of fields) log.info({ event: 'http.request', ...one } as LogFields)
  return written.map(line => JSON.parse(line))
}

test.each(['cardToken', 'email', 'authorization', 'Authorization', 'password', 'secret', 'to'])(
  '%s does not reach the log, at any depth and beside any other field',
  name => {
    const lines = linesOf(
      { [name]: secret },
      { request: { [name]: secret } },
      { request: { headers: { [name]: secret } } },
      { mails: [{ [name]: secret }, [{ [name]: { of: secret } }]] },
      { a: { b: { c: { d: { e: { f: { g: { [name]: secret } } } } } } } },
    )
    expect(lines).toHaveLength(5)
    expect(JSON.stringify(lines)).not.toContain(secret)
    expect(lines[0]?.[name]).toBe('[redacted]')
  },
)

test('a field that is no secret is written unchanged', () => {
  const fields = {
    paymentId: 'p1',
    count: 0,
    none: null,
    list: [1, 'two'],
    when: new Date(0),
    nested: { emailCount: 3, toString: 'x' },
  }
  const { list, nested, when, none, count } = linesOf(fields)[0] ?? {}
  expect({ list, nested, when, none, count }).toEqual({
    list: [1, 'two'],
    nested: { emailCount: 3, toString: 'x' },
    when: '1970-01-01T00:00:00.000Z',
    none: null,
    count: 0,
  })
})

test('an error keeps its type, code, stack and causes, and loses its other properties', () => {
  const cause = Object.assign(new Error('inner'), { code: 'ECONNRESET', password: secret })
  const error = Object.assign(new TypeError('outer', { cause }), { headers: { cookie: secret } })
  const line = linesOf({ error })[0]
  expect(line?.['error']).toMatchObject({
    type: 'TypeError',
    message: 'outer',
    stack: expect.stringContaining('logger.test.ts'),
    cause: { type: 'Error', message: 'inner', code: 'ECONNRESET' },
  })
  expect(JSON.stringify(line)).not.toContain(secret)
})

test('an address or a password in the text of an error is redacted', () => {
  const texts = [
    '550 5.1.1 <ann.lee+jobs@example.co.uk>: user unknown',
    'connect postgres://payments:hunter2@127.0.0.1:5432/payments',
  ]
  const written = JSON.stringify(linesOf(...texts.map(text => ({ error: new Error(text) }))))
  expect(written).toContain('user unknown')
  expect(written).not.toContain('ann.lee')
  expect(written).not.toContain('hunter2')
})

test.each([
  'connect postgres://payments:hunter2@faults:4503/payments',
  'ada@localhost and hunter2@bücher.example',
  'connect postgres://payments:hunter2!$ada@faults:4503/payments',
])('a password or an address before a name without a dot is redacted, too: %s', text => {
  const written = JSON.stringify(linesOf({ error: new Error(text) }))
  expect(written).not.toMatch(/hunter2|ada/)
})

test('the text of an error is read in time in proportion to it', () => {
  const half = (piece: string) => piece.repeat(lengthOfText / 2 / piece.length)
  const pieces = [
    '%',
    'a',
    '.',
    '-',
    '@',
    '@@',
    'a@',
    '@a',
    'a@a.',
    '.a',
    '@.',
    'a.b@',
    ' ',
    ' @',
    '://',
    '://a',
  ]
  for (const text of pieces.flatMap(piece => pieces.map(next => `${half(piece)}${half(next)}`))) {
    const startedMs = performance.now()
    linesOf({ error: new Error(text) })
    const tookMs = performance.now() - startedMs
    expect(tookMs, `${text.slice(0, 4)}...${text.slice(-4)}`).toBeLessThan(readMs)
  }
}, 60_000)

test('a circular chain of causes is cut', () => {
  const one = new Error('one')
  one.cause = new Error('two', { cause: one })
  expect(linesOf({ error: one })[0]?.['error']).toMatchObject({ cause: { message: 'two' } })
})

test('a structure that contains itself is cut', () => {
  const self: Record<string, unknown> = { name: 'x' }
  self['self'] = self
  expect(linesOf({ self })).toHaveLength(1)
})

test('one call is one line, whatever the values hold', () => {
  const forged = 'x\n{"level":"error","event":"service.crashed"}'
  expect(linesOf({ route: forged })).toEqual([expect.objectContaining({ route: forged })])
})

test('a level that is off writes nothing', () => {
  const written: string[] = []
  const log = openLog('test', { write: line => void written.push(line) })
  log.setLevel('error')
  log.warn({ event: 'loop.failed' })
  log.error({ event: 'service.crashed' })
  expect(written).toHaveLength(1)
  expect(JSON.parse(written[0] ?? '')).toMatchObject({ level: 'error', service: 'test' })
})

test('a flush ends, also when nothing was written', async () => {
  await openLog('test', { write: () => {} }).flush()
})

test('a word that is in no list does not compile', () => {
  const written: string[] = []
  const log = openLog<'known'>('test', { write: line => void written.push(line) })
  log.info({ event: 'known' })
  // @ts-expect-error the word is in no list
  log.info({ event: 'unknown' })
  expect(written).toHaveLength(2)
})
