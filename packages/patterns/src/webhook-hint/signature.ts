import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Older signatures are refused, so that recorded webhooks can't be replayed. Stripe's default
 * value.
 */
const signatureToleranceSeconds = 300
const signaturesMax = 10

export type Signature = { time: string; candidates: readonly string[] }

/**
 * Parses `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]`. This needs no body, so a request
 * without a usable signature can be refused before its body is received.
 * https://docs.stripe.com/webhooks#verify-manually
 */
export function readSignature(
  header: string | string[] | undefined,
  nowSeconds: number,
): Signature | 'malformed' | 'stale' {
  const text = typeof header === 'string' ? header : ''
  const parts = text.split(',').map(part => part.trim().split('=', 2))
  const times = parts.filter(([name]) => name === 't').map(([, value]) => value ?? '')
  const candidates = parts.filter(([name]) => name === 'v1').map(([, value]) => value ?? '')
  const [time = ''] = times
  if (times.length !== 1 || !/^\d{1,12}$/.test(time)) return 'malformed'
  if (candidates.length === 0 || candidates.length > signaturesMax) return 'malformed'
  const isFresh = Math.abs(nowSeconds - Number(time)) <= signatureToleranceSeconds
  return isFresh ? { time, candidates } : 'stale'
}

/**
 * True if one of the signatures is the HMAC-SHA-256 of `t.body`, over the bytes as they came.
 * Parsing a body and serializing it again would change its bytes.
 * @param secrets one, or two during a rotation
 */
export function isSigned(
  { time, candidates }: Signature,
  body: Buffer,
  secrets: readonly string[],
): boolean {
  const expected = secrets.map(secret =>
    createHmac('sha256', secret).update(`${time}.`).update(body).digest(),
  )
  // Every pair is compared, so that the time taken does not reveal which one was almost right.
  const matches = candidates.flatMap(one => expected.map(each => isSame(one, each)))
  return matches.includes(true)
}

function isSame(hex: string, expected: Buffer): boolean {
  const given = Buffer.from(/^[0-9a-f]{64}$/.test(hex) ? hex : '', 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
