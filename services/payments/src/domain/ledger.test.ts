import { expect, test } from 'vitest'
import { captureEntries, type Entry, refundEntries, taxOfRefund } from './ledger.ts'

const sumOf = (entries: readonly Entry[]) =>
  entries.reduce((sum, { amountCents }) => sum + amountCents, 0)

const payments = [
  { amountCents: 9_900, taxCents: 0 },
  { amountCents: 24_900, taxCents: 3_976 },
  { amountCents: 1, taxCents: 0 },
  { amountCents: 99_999_999, taxCents: 99_999_998 },
]

test.each(payments)('a capture of %j sums to zero with every fee', payment => {
  for (const feeCents of [0, 1, 25, 164, payment.amountCents]) {
    const entries = captureEntries(payment, feeCents)
    expect(sumOf(entries)).toBe(0)
    expect(entries.every(({ amountCents }) => amountCents !== 0)).toBe(true)
  }
})

test.each(payments)('refunds that add up to %j also add up to its tax', payment => {
  for (const parts of [1, 2, 3, 7]) {
    let refundedCents = 0
    let taxCents = 0
    for (let part = 1; part <= parts; part += 1) {
      const upTo = Math.floor((payment.amountCents * part) / parts)
      const amountCents = upTo - refundedCents
      if (amountCents === 0) continue
      const tax = taxOfRefund({ ...payment, refundedCents }, amountCents)
      expect(tax).toBeGreaterThanOrEqual(0)
      expect(sumOf(refundEntries({ amountCents, taxCents: tax }))).toBe(0)
      refundedCents = upTo
      taxCents += tax
    }
    expect([refundedCents, taxCents]).toEqual([payment.amountCents, payment.taxCents])
  }
})
