import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Signs the claim of a link. The purpose is signed too, so that a link for one purpose is invalid for
 * another.
 * @param claim letters, digits, hyphens and dots
 */
export function signLink(secret: string, purpose: string, claim: string): string {
  return `${claim}.${signatureOf(secret, purpose, claim).toString('base64url')}`
}

/**
 * The claim of a link; undefined unless it was signed for this purpose with one of the secrets.
 * @param secrets more than one while a secret is being replaced
 */
export function readLink(
  secrets: readonly string[],
  purpose: string,
  token: string,
): string | undefined {
  const dot = token.lastIndexOf('.')
  if (dot < 1) return undefined
  const claim = token.slice(0, dot)
  const given = token.slice(dot + 1)
  // All secrets are tried, so that the time does not reveal which one matched. Text is compared and
  // not bytes: base64url has several texts for the same bytes, and only one of them is ours.
  const matches = secrets.map(secret =>
    sameText(signatureOf(secret, purpose, claim).toString('base64url'), given),
  )
  return matches.includes(true) ? claim : undefined
}

function signatureOf(secret: string, purpose: string, claim: string): Buffer {
  return createHmac('sha256', secret).update(`${purpose}\n${claim}`).digest()
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
