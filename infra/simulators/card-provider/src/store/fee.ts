/** The provider keeps this of every charge, and a refund gives none of it back. */
export const feeRule = {
  percent: 1.4,
  fixedMinorUnits: 25,
  rounding: 'half_up',
  givenBackOnRefund: false,
} as const

/** The rate is in tenths of a percent, so that the calculation uses whole numbers only. */
const permille = Math.round(feeRule.percent * 10)

/** Computes the fee of a charge in minor units. The percentage is rounded half up. */
export function feeOf(amount: number): number {
  return Math.floor((amount * permille + 500) / 1_000) + feeRule.fixedMinorUnits
}
