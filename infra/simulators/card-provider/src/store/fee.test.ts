import { expect, test } from 'vitest'
import { feeOf } from './fee.ts'

test.each([
  // The comments show 1.4 % of the amount, before rounding.
  [1, 25], // 0.014
  [35, 25], // 0.49
  [36, 26], // 0.504
  [250, 29], // 3.5
  [1_250, 43], // 17.5
  [9_900, 164], // 138.6
  [10_000, 165], // 140
  [99_999_999, 1_400_025], // 1399999.986
])('the fee of %i minor units is %i', (amount, fee) => {
  expect(feeOf(amount)).toBe(fee)
})
