import { describe, expect, test } from 'vitest'
import { type ComparePeriod, compareRecords } from './compare-ledger.ts'
import type { Movement, Records } from './movement.ts'

const at = (iso: string) => Date.parse(iso)
const november: ComparePeriod = {
  fromMs: at('2026-11-01T00:00:00Z'),
  beforeMs: at('2026-12-01T00:00:00Z'),
  nowMs: at('2026-12-24T12:00:00Z'),
  inFlightMs: 90_000,
}
const capture: Movement = {
  kind: 'capture',
  id: 'pi_1',
  paymentId: 'payment-1',
  refundId: '',
  amountCents: 9_900,
  feeCents: 164,
  currency: 'EUR',
  atMs: at('2026-11-20T12:00:00Z'),
}
const refund: Movement = {
  ...capture,
  kind: 'refund',
  id: 're_1',
  refundId: 'refund-1',
  amountCents: 900,
  feeCents: 0,
}
const { feeCents: _, ...captureWithoutFee } = capture
/** Three records that agree, apart from the changes that a test makes. */
const recordsWith = (changes: Partial<Records> = {}): Records => ({
  ledger: [capture, refund],
  providerLog: [captureWithoutFee, refund],
  settlement: [capture, refund],
  ...changes,
})
const kindsOf = (changes: Partial<Records>, period = november) =>
  compareRecords(recordsWith(changes), period).differences.map(({ kind, id }) => `${kind} ${id}`)

test('equal records have no difference, even in another order', () => {
  const changes = { ledger: [refund, capture] }
  expect(compareRecords(recordsWith(changes), november)).toEqual({
    counts: { ledger: 2, providerLog: 2, settlement: 2 },
    differences: [],
    inFlight: [],
  })
})

describe('a difference', () => {
  test.each<[string, Partial<Records>]>([
    ['missing_here re_1', { ledger: [capture] }],
    ['missing_there re_1', { providerLog: [capture] }],
    ['missing_there re_1', { settlement: [capture] }],
    ['twice pi_1', { ledger: [capture, capture, refund] }],
    ['amount re_1', { ledger: [capture, { ...refund, amountCents: 901 }] }],
    ['amount re_1', { settlement: [capture, { ...refund, amountCents: 901 }] }],
    ['currency pi_1', { ledger: [{ ...capture, currency: 'USD' }, refund] }],
    ['payment pi_1', { providerLog: [{ ...captureWithoutFee, paymentId: 'another' }, refund] }],
    ['fee pi_1', { ledger: [{ ...capture, feeCents: 163 }, refund] }],
  ])('is named: %s', (name, changes) => {
    expect(kindsOf(changes)).toEqual([name])
  })

  test('has the value of each record', () => {
    const { differences } = compareRecords(recordsWith({ ledger: [capture] }), november)
    expect(differences).toMatchObject([
      {
        movement: 'refund',
        paymentId: 'payment-1',
        refundId: 'refund-1',
        values: { providerLog: '900 EUR', settlement: '900 EUR' },
      },
    ])
  })

  test('is counted on both sides if the ledger lacks the id of the provider', () => {
    const ledger = [{ ...capture, id: 'capture payment-1' }, refund]
    expect(kindsOf({ ledger })).toEqual(['missing_there capture payment-1', 'missing_here pi_1'])
  })
})

describe('a month', () => {
  const december = { ...november, fromMs: november.beforeMs, beforeMs: Infinity }
  const [before, after] = [november.beforeMs - 1, november.beforeMs + 1]
  const late = [{ ...capture, atMs: before }]

  test('includes a movement at its end that was posted in the next month', () => {
    const changes = { ledger: [{ ...capture, atMs: after }], providerLog: late, settlement: late }
    expect([kindsOf(changes), kindsOf(changes, december)]).toEqual([[], []])
  })

  test('excludes the differences of another month', () => {
    const changes = { ledger: [], providerLog: late, settlement: late }
    expect(kindsOf(changes)).toEqual(['missing_here pi_1'])
    expect(kindsOf(changes, december)).toEqual([])
  })
})

test('a recent movement that is not posted yet is in flight, and no difference', () => {
  const changes = { ledger: [refund] }
  const soon = { ...november, nowMs: capture.atMs + 89_000 }
  const { differences, inFlight } = compareRecords(recordsWith(changes), soon)
  expect(differences).toEqual([])
  expect(inFlight).toMatchObject([{ kind: 'missing_here', id: 'pi_1' }])
  expect(kindsOf(changes, { ...soon, nowMs: capture.atMs + 91_000 })).toEqual(['missing_here pi_1'])
})
