import { expect, test } from 'vitest'
import { type Asked, invokeLine, outcomeLine, outcomeTypeOf } from './history-line.ts'
import { liveNumbersOf } from './live-numbers.ts'
import { endingOf, isWorthRepeating, pauseMs } from './retry-policy.ts'

const asked: Asked = {
  op: 'publish',
  tenant: '11111111-0000-4000-8000-000000000001',
  key: 'run-1:employers:7',
  id: '22222222-0000-4000-8000-000000000001',
  req: { plan: 'basic', card: 'good', attempt: 1 },
}
const head = { run: 'run-1', idx: 1_000_001, proc: '1', t: 1_790_000_000_000, traceId: 'ab' }
const goodWithinMs = 5_000

test.each([200, 201, 204])('%i is final', status => {
  expect(outcomeTypeOf(status)).toBe('ok')
})

test.each([400, 401, 402, 403, 404, 413, 415, 422, 429])('%i proves that nothing ran', status => {
  expect(outcomeTypeOf(status)).toBe('fail')
})

test.each([0, 202, 408, 409, 418, 500, 502, 503, 504])('%i proves nothing', status => {
  expect(outcomeTypeOf(status)).toBe('info')
})

test('an outcome line keeps the ids and states of an answer, and nothing else', () => {
  const body = { publicationId: 'p', payment: 'captured', email: 'a@example.org', title: 'x' }
  const line = JSON.parse(outcomeLine(asked, head, answerOf(201, body), 12))
  expect(line.res).toEqual({ publicationId: 'p', payment: 'captured' })
  expect(Object.keys(line)).toEqual([
    'h',
    'run',
    'idx',
    'proc',
    'op',
    'type',
    't',
    'tenant',
    'key',
    'id',
    'req',
    'status',
    'res',
    'sinceMs',
    'traceId',
  ])
})

test('a declined card is final, and a request that was refused or lost is repeated', () => {
  const declined = answerOf(402, { type: '/problems/card-declined' })
  expect(JSON.parse(outcomeLine(asked, head, declined, 12))).toMatchObject({
    type: 'fail',
    res: { declined: true, problem: 'card-declined' },
  })
  expect(isWorthRepeating(declined)).toBe(false)
  expect(endingOf(declined, 12, goodWithinMs)).toBe('good')
  for (const status of [0, 409, 429, 500, 503]) {
    expect(isWorthRepeating(answerOf(status)), String(status)).toBe(true)
  }
  for (const status of [201, 202, 400, 404, 422]) {
    expect(isWorthRepeating(answerOf(status)), String(status)).toBe(false)
  }
})

test('a final answer is good or late, and an intent without one is pending, refused or lost', () => {
  const inProgress = { type: '/problems/request-in-progress' }
  expect(endingOf(answerOf(201), goodWithinMs, goodWithinMs)).toBe('good')
  expect(endingOf(answerOf(201), goodWithinMs + 1, goodWithinMs)).toBe('late')
  expect(endingOf(answerOf(200, { status: 'live' }), 1, goodWithinMs)).toBe('good')
  expect(endingOf(answerOf(202), 1, goodWithinMs)).toBe('pending')
  expect(endingOf(answerOf(409, inProgress), 1, goodWithinMs)).toBe('pending')
  expect(endingOf(answerOf(503), 1, goodWithinMs)).toBe('refused')
  expect(endingOf(answerOf(0), 1, goodWithinMs)).toBe('lost')
})

test('a pause follows Retry-After, or doubles, and is partly random', () => {
  const patient = { ...answerOf(503), retryAfterSeconds: 1 }
  expect(pauseMs(1, patient, 0)).toBe(1_000)
  expect(pauseMs(1, { ...patient, retryAfterSeconds: 3_600 }, 0)).toBe(3_600_000)
  expect([1, 2, 3, 9].map(number => pauseMs(number, answerOf(0), 1))).toEqual([
    250, 500, 1_000, 2_000,
  ])
  expect(pauseMs(1, answerOf(0), 0.5)).toBeLessThan(pauseMs(1, answerOf(0), 0.6))
})

test('live numbers count arrivals once and each attempt by its answer', () => {
  const lines = [
    invokeLine({ ...asked, op: 'draft', req: { attempt: 1 } }, head),
    outcomeLine({ ...asked, op: 'draft' }, head, answerOf(201), 5),
    invokeLine(asked, head),
    outcomeLine(asked, head, answerOf(503), 10),
    invokeLine({ ...asked, req: { attempt: 2 } }, head),
    outcomeLine(asked, head, answerOf(201), 1_020),
    outcomeLine({ ...asked, req: { attempt: 6, again: 1 } }, head, answerOf(201), 1_040),
    invokeLine({ ...asked, op: 'pay' }, head),
    outcomeLine({ ...asked, op: 'pay' }, head, answerOf(0), 5_000),
    outcomeLine({ ...asked, op: 'read' }, head, answerOf(200), 5_010),
  ]
  expect(liveNumbersOf(lines)).toEqual({
    offered: 2,
    good: 1,
    refused: 1,
    pending: 0,
    lost: 1,
    p99Ms: 1_020,
  })
})

function answerOf(status: number, body: Record<string, unknown> = {}) {
  return { status, body, replayed: false }
}
