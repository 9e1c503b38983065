import { expect, test } from 'vitest'
import { growthOf, keptDays, paymentsIn } from './growth.ts'
import type { TableSize } from './table-sizes.ts'

const dayMs = 86_400_000
const payments = (rows: number, bytes: number): TableSize => {
  return { service: 'payments', table: 'payments', rows, bytes }
}
const keys = (rows: number, bytes: number): TableSize => {
  return { service: 'payments', table: 'idempotency_keys', rows, bytes }
}

/** A million expired keys at the begin, which are gone after half of the time. */
const run = {
  before: { atMs: 0, tables: [payments(0, 0), keys(1_000_000, 500)] },
  half: { atMs: dayMs, tables: [payments(1_000, 100), keys(1_000, 500)] },
  after: { atMs: 2 * dayMs, tables: [payments(3_000, 300), keys(3_000, 540)] },
}

test('rows that were old at the begin do not hide how a table grows', () => {
  const [ofPayments, ofKeys] = growthOf(run)
  expect(ofKeys).toMatchObject({ rowsBefore: 1_000_000, rowsAfter: 3_000 })
  expect(ofKeys?.rowsPerThousandPayments).toBe(1_000)
  expect(ofPayments?.bytesPerThousandPayments).toBe(100)
  expect(paymentsIn(run.after)).toBe(3_000)
})

test('what has an age comes to rest, and business data does not', () => {
  const [ofPayments, ofKeys] = growthOf(run)
  expect(ofKeys).toMatchObject({ keptDays: 1, settlesAtBytes: 40 })
  expect(ofPayments).toMatchObject({ keptDays: undefined, settlesAtBytes: undefined })
})

test('a table without an age is refused by its name', () => {
  const forgotten = [...run.after.tables, { ...payments(0, 0), table: 'scratch' }]
  expect(() => growthOf({ ...run, after: { ...run.after, tables: forgotten } })).toThrow(
    'payments.scratch has no age',
  )
  expect(Object.keys(keptDays)).toEqual(['payments', 'listings', 'notifications'])
})

test('a run without a payment in its second half is refused, because no rate follows from it', () => {
  const { atMs, tables } = run.half
  expect(() => growthOf({ ...run, after: { atMs: atMs + 1, tables } })).toThrow(
    'No payment was made in the second half',
  )
})
