import { describe, expect, test } from 'vitest'
import { type ComparePeriod, compareBooks } from './compare-ledger.ts'
import type { Books, Movement } from './movement.ts'

const at = (iso: string) => Date.parse(iso)
const november: ComparePeriod = {
  fromMs: at('2026-11-01T00:00:00Z'),
  beforeMs: at('2026-12-01T00:00:00Z'),
  nowMs: at('2026-12-24T12:00:00Z'),
  inFlightMs: 90_000,
}
const capture: Movement = {
  ...{ kind: 'capture', id: 'pi_1', paymentId: 'payment-1', refundId: '' },
  ...{ amountCents: 9_900, feeCents: 164, currency: 'EUR', atMs: at('2026-11-20T12:00:00Z') },
}
const refund: Movement = {
  ...{ ...capture, kind: 'refund', id: 're_1', refundId: 'refund-1' },
  ...{ amountCents: 900, feeCents: 0 },
}
const { feeCents: _, ...captureWithoutFee } = capture
/** Everybody agrees; what one of them says instead is the matter of the test. */
const books = (changes: Partial<Books> = {}): Books => ({
  ledger: [capture, refund],
  truth: [captureWithoutFee, refund],
  settlement: [capture, refund],
  ...changes,
})
const kindsOf = (changes: Partial<Books>, period = november) =>
  compareBooks(books(changes), period).differences.map(({ kind, id }) => `${kind} ${id}`)

test('books that say the same have no difference, in whatever order', () => {
  const changes = { ledger: [refund, capture] }
  expect(compareBooks(books(changes), november)).toEqual({
    counts: { ledger: 2, truth: 2, settlement: 2 },
    differences: [],
    inFlight: [],
  })
})

describe('a difference is named', () => {
  test.each<[string, Partial<Books>]>([
    ['missing_here re_1', { ledger: [capture] }],
    ['missing_there re_1', { truth: [capture] }],
    ['missing_there re_1', { settlement: [capture] }],
    ['twice pi_1', { ledger: [capture, capture, refund] }],
    ['amount re_1', { ledger: [capture, { ...refund, amountCents: 901 }] }],
    ['amount re_1', { settlement: [capture, { ...refund, amountCents: 901 }] }],
    ['currency pi_1', { ledger: [{ ...capture, currency: 'USD' }, refund] }],
    ['payment pi_1', { truth: [{ ...captureWithoutFee, paymentId: 'another' }, refund] }],
    ['fee pi_1', { ledger: [{ ...capture, feeCents: 163 }, refund] }],
  ])('%s', (named, changes) => {
    expect(kindsOf(changes)).toEqual([named])
  })

  test('with what each book says of it', () => {
    const { differences } = compareBooks(books({ ledger: [capture] }), november)
    expect(differences).toMatchObject([
      {
        movement: 'refund',
        paymentId: 'payment-1',
        refundId: 'refund-1',
        says: { truth: '900 EUR', settlement: '900 EUR' },
      },
    ])
  })

  test('once, of a charge that the ledger has under no name of the provider', () => {
    const ledger = [{ ...capture, id: 'capture payment-1' }, refund]
    expect(kindsOf({ ledger })).toEqual(['missing_there capture payment-1', 'missing_here pi_1'])
  })
})

describe('a month', () => {
  const december = { ...november, fromMs: november.beforeMs, beforeMs: Infinity }
  const [before, after] = [november.beforeMs - 1, november.beforeMs + 1]
  const late = [{ ...capture, atMs: before }]

  test('has what moved at its end and was posted in the next, and so has the next', () => {
    const changes = { ledger: [{ ...capture, atMs: after }], truth: late, settlement: late }
    expect([kindsOf(changes), kindsOf(changes, december)]).toEqual([[], []])
  })

  test('does not have the differences of another', () => {
    const changes = { ledger: [], truth: late, settlement: late }
    expect(kindsOf(changes)).toEqual(['missing_here pi_1'])
    expect(kindsOf(changes, december)).toEqual([])
  })
})

test('what moved a moment ago and is not posted yet is on its way, and no difference', () => {
  const changes = { ledger: [refund] }
  const soon = { ...november, nowMs: capture.atMs + 89_000 }
  const { differences, inFlight } = compareBooks(books(changes), soon)
  expect(differences).toEqual([])
  expect(inFlight).toMatchObject([{ kind: 'missing_here', id: 'pi_1' }])
  expect(kindsOf(changes, { ...soon, nowMs: capture.atMs + 91_000 })).toEqual(['missing_here pi_1'])
})
