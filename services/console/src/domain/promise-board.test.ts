import { expect, test } from 'vitest'
import { promiseBoard, type Seen } from './promise-board.ts'

const statements = {
  S1: 'one charge',
  S3: 'in the ledger',
  S6: 'notified once',
  S14: 'accounted',
  S15: 'no 500',
  L1: 'final',
  L2: 'visible',
  L3: 'empty',
  L4: 'delivered',
  S9: 'x',
}
const figures = {
  oldestOpenSeconds: 3,
  outboxAgeSeconds: 0,
  stalledSeconds: 2,
} as unknown as NonNullable<Seen['figures']>
const followed = {
  looked: 5,
  unbooked: [],
  notLive: [],
  unannounced: [],
  mailsWaiting: [],
  mailsSent: ['m1'],
}
const healthy: Seen = {
  figures,
  charges: { count: 7, doubles: [] },
  followed,
  mails: { count: 3, doubles: [], missing: [] },
  serverErrors: 0,
  deadLetters: 0,
}

const statesOf = (seen: Seen) =>
  Object.fromEntries(promiseBoard(statements, seen).map(({ code, state }) => [code, state]))

test('in a healthy system what can be looked at is kept', () => {
  expect(statesOf(healthy)).toEqual({
    S1: 'kept',
    S3: 'kept',
    S6: 'kept',
    S14: 'kept',
    S15: 'kept',
    L1: 'kept',
    L2: 'kept',
    L3: 'kept',
    L4: 'kept',
    S9: 'not looked at',
  })
})

test('what was not seen is neither kept nor broken', () => {
  expect(new Set(Object.values(statesOf({ figures: undefined })))).toEqual(
    new Set(['not looked at']),
  )
})

const double = {
  what: 'publication p',
  charges: [
    { at: 't1', idempotencyKey: 'a' },
    { at: 't2', idempotencyKey: 'b' },
  ],
}
test.each([
  ['S1', { charges: { count: 8, doubles: [double] } }],
  ['S3', { followed: { ...followed, unbooked: ['p'] } }],
  ['S6', { mails: { count: 3, doubles: [{ listingId: 'l', mails: ['m1', 'm2'] }] } }],
  ['S6', { mails: { count: 3, doubles: [], missing: ['m1'] } }],
  ['L2', { followed: { ...followed, notLive: ['p'] } }],
  ['L4', { followed: { ...followed, unannounced: ['l'] } }],
  ['L4', { followed: { ...followed, mailsWaiting: ['m1'] } }],
  ['S14', { deadLetters: 1 }],
  ['S15', { serverErrors: 1 }],
  ['L1', { figures: { ...figures, oldestOpenSeconds: 91 } }],
  ['L3', { figures: { ...figures, outboxAgeSeconds: 61 } }],
  ['L3', { figures: { ...figures, stalledSeconds: 61 } }],
] as const)('%s is broken by %j, and no other is', (code, change) => {
  const broken = promiseBoard(statements, { ...healthy, ...change }).filter(
    ({ state }) => state === 'broken',
  )
  expect(broken.map(line => line.code)).toEqual([code])
})
