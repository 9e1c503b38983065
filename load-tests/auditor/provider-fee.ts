/**
 * What the card provider keeps of a charge, in minor units: 1.4 %, rounded half up, and 25. It says so
 * in its rules (`GET /rules`) and its log has no fee, so a judge reckons for itself; whole numbers only.
 */
export function feeOf(amount: number): number {
  return Math.floor((amount * feePermille + 500) / 1_000) + feeFixed
}

const feePermille = 14
const feeFixed = 25
