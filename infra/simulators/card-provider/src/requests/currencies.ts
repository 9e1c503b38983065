/**
 * In ISO 4217 the units of account, test codes and metals begin with X. No card is charged in them.
 * These five codes with X are currencies.
 */
const realWithX = ['XAF', 'XCD', 'XCG', 'XOF', 'XPF']
const known = new Set(
  Intl.supportedValuesOf('currency').filter(
    code => !code.startsWith('X') || realWithX.includes(code),
  ),
)

/**
 * Stripe documents these smallest charges, in minor units, for an account that settles in the same
 * currency (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). In other
 * currencies one minor unit is enough here.
 */
const leastAmounts: Readonly<Record<string, number>> = {
  aed: 200,
  aud: 50,
  bgn: 100,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1_500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17_500,
  inr: 50,
  jpy: 50,
  mxn: 1_000,
  myr: 200,
  nok: 300,
  nzd: 50,
  pln: 200,
  ron: 200,
  sek: 300,
  sgd: 50,
  thb: 1_000,
  usd: 50,
}

/** Amounts in these must end in 0, because Stripe's partners calculate with two decimals. */
const threeDecimals = ['bhd', 'jod', 'kwd', 'omr', 'tnd']

/** Answers the code in lower case, as the API shows it, or undefined for an unknown currency. */
export function readCurrency(text: string): string | undefined {
  return /^[A-Za-z]{3}$/.test(text) && known.has(text.toUpperCase())
    ? text.toLowerCase()
    : undefined
}

/** Answers the smallest charge in this currency, in minor units. */
export function leastAmountOf(currency: string): number {
  return leastAmounts[currency] ?? 1
}

/** Every amount in this currency must be a multiple of the answer, in minor units. */
export function amountStepOf(currency: string): number {
  return threeDecimals.includes(currency) ? 10 : 1
}
