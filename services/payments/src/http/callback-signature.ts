import { createHmac, timingSafeEqual } from 'node:crypto'

export type SignatureVerdict = 'valid' | 'malformed' | 'forged' | 'stale'

/** As Stripe has it: older or newer than this, and a recorded callback could be played again. */
const signatureToleranceSeconds = 300
const signaturesMax = 10

/**
 * Checks `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]`: an HMAC-SHA-256 of `t.body` over the
 * bytes as they came, because a body that was parsed and written again is another one.
 * @param secrets two while one replaces the other
 * https://docs.stripe.com/webhooks#verify-manually
 */
export function checkSignature(
  header: string | undefined,
  body: Buffer,
  secrets: readonly string[],
  nowSeconds: number,
): SignatureVerdict {
  const parts = (header ?? '').split(',').map(part => part.trim().split('=', 2))
  const times = parts.filter(([name]) => name === 't').map(([, value]) => value ?? '')
  const given = parts.filter(([name]) => name === 'v1').map(([, value]) => value ?? '')
  const [time = ''] = times
  if (times.length !== 1 || !/^\d{1,12}$/.test(time)) return 'malformed'
  if (given.length === 0 || given.length > signaturesMax) return 'malformed'
  const expected = secrets.map(secret =>
    createHmac('sha256', secret).update(`${time}.`).update(body).digest(),
  )
  // Every pair is compared, so that the time taken does not say which one was nearly right.
  const matches = given.flatMap(one => expected.map(each => isSame(one, each)))
  if (!matches.includes(true)) return 'forged'
  const isFresh = Math.abs(nowSeconds - Number(time)) <= signatureToleranceSeconds
  return isFresh ? 'valid' : 'stale'
}

function isSame(hex: string, expected: Buffer): boolean {
  const given = Buffer.from(/^[0-9a-f]{64}$/.test(hex) ? hex : '', 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
