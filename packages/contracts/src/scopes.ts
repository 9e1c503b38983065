/** What an API key may be allowed to do. Each route names one scope, or is marked as public. */
export const scopes = [
  'payments:take',
  'payments:write',
  'payments:read',
  'listings:write',
  'listings:read',
] as const
export type Scope = (typeof scopes)[number]

/**
 * A service takes payments for employers, and reads nothing: the answer to each request, and to its
 * repetition, says what became of the payment.
 */
export const serviceScopes: readonly Scope[] = ['payments:take']

/** The wider scope that allows the same: keys were issued before there was the narrow one. */
const wider: Partial<Record<Scope, Scope>> = { 'payments:take': 'payments:write' }

/** True when a key with these scopes may do what needs this one. */
export function allows(held: readonly string[], needed: Scope): boolean {
  const alternative = wider[needed]
  return held.includes(needed) || (alternative !== undefined && held.includes(alternative))
}
