const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * What a `Retry-After` header asks for, in milliseconds: a number of seconds, or a date (RFC 9110,
 * 10.2.3). Anything else counts as one second: the other side refused, and did not say for how long.
 * @param capMs the longest wait that is granted. A wrong header must not park work for a day
 */
export function retryAfterMs(header: unknown, nowMs: number, capMs: number): number {
  const text = typeof header === 'string' ? header.trim() : ''
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : undefined
  const dateMs = httpDate.test(text) ? Date.parse(text) : Number.NaN
  const waitMs = seconds === undefined ? dateMs - nowMs : seconds * 1_000
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), capMs) : Math.min(1_000, capMs)
}
