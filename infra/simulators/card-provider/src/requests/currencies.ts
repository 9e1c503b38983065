/**
 * Codes that ICU has from ISO 4217 and that no card is charged in: units of account, test codes and
 * metals all begin with X, and so do five real currencies.
 */
const realWithX = ['XAF', 'XCD', 'XCG', 'XOF', 'XPF']
const known = new Set(
  Intl.supportedValuesOf('currency').filter(
    code => !code.startsWith('X') || realWithX.includes(code),
  ),
)

/**
 * The least that can be charged, in minor units, as Stripe documents it for an account that settles
 * in that currency (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). Of other
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

/** Their last digit has to be 0, because Stripe's partners reckon with two decimals. */
const threeDecimals = ['bhd', 'jod', 'kwd', 'omr', 'tnd']

/** The code as answers show it, in lower case; undefined when there is no such currency. */
export function readCurrency(text: string): string | undefined {
  return /^[A-Za-z]{3}$/.test(text) && known.has(text.toUpperCase())
    ? text.toLowerCase()
    : undefined
}

/** The least that can be charged in this currency, in minor units. */
export function leastAmountOf(currency: string): number {
  return leastAmounts[currency] ?? 1
}

/** What every amount in this currency has to be a multiple of, in minor units. */
export function amountStepOf(currency: string): number {
  return threeDecimals.includes(currency) ? 10 : 1
}
