import { expect, test } from 'vitest'
import { openChargeLedger, type ProviderLine } from './charge-ledger.ts'

let seq = 0
function line(type: string, metadata: Record<string, string>, key = 'k1'): ProviderLine {
  seq += 1
  return { seq, at: `2026-12-01T03:00:0${seq % 10}Z`, type, idempotencyKey: key, metadata }
}

test('one charge per publication is right, however many lines the provider wrote about it', () => {
  const ledger = openChargeLedger(10)
  const about = { publication_id: 'p1', payment_id: 'pay1' }
  ledger.add([
    line('intent.created', about),
    line('intent.succeeded', about),
    line('reply.withheld', about),
  ])
  expect(ledger.doubles()).toEqual([])
  expect(ledger.count()).toBe(1)
})

test('two charges of one publication are found, also when each has a payment of its own', () => {
  const ledger = openChargeLedger(10)
  ledger.add([line('intent.succeeded', { publication_id: 'p1', payment_id: 'pay1' }, 'k1')])
  ledger.add([line('intent.captured', { publication_id: 'p1', payment_id: 'pay2' }, 'k2')])
  expect(ledger.doubles()).toMatchObject([
    { what: 'publication p1', charges: [{ idempotencyKey: 'k1' }, { idempotencyKey: 'k2' }] },
  ])
})

test('charges of a span of time are answered, the newest first, and those without a payment are not', () => {
  const ledger = openChargeLedger(10)
  const charge = (at: string, metadata: Record<string, string>): ProviderLine => {
    return { ...line('intent.succeeded', metadata), at: `2026-12-01T03:00:${at}Z` }
  }
  ledger.add([
    charge('01', { payment_id: 'early' }),
    charge('02', { payment_id: 'a', publication_id: 'p' }),
    charge('03', { publication_id: 'of nobody' }),
    charge('04', { payment_id: 'b' }),
    charge('09', { payment_id: 'late' }),
  ])
  const [from, until] = ['02', '05'].map(at => Date.parse(`2026-12-01T03:00:${at}Z`))
  expect(ledger.between(from ?? 0, until ?? 0, 10)).toMatchObject([
    { paymentId: 'b' },
    { paymentId: 'a', publicationId: 'p' },
  ])
  expect(ledger.between(from ?? 0, until ?? 0, 1)).toMatchObject([{ paymentId: 'b' }])
})

test('the oldest are forgotten, and a double charge that was found is not', () => {
  const ledger = openChargeLedger(2)
  const charge = (id: string) => line('intent.succeeded', { payment_id: id })
  ledger.add([charge('a'), charge('a'), charge('b'), charge('c'), charge('d')])
  expect(ledger.doubles()).toMatchObject([{ what: 'payment a' }])
  ledger.add([charge('b')])
  expect(ledger.doubles()).toHaveLength(1)
  expect(ledger.lastSeq()).toBe(seq)
})
