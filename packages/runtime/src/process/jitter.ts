/**
 * Full jitter: a random wait below a bound that doubles with each attempt. Clients that failed
 * together do not come back together.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @param attempt 0 for the first wait
 */
export function fullJitterMs(attempt: number, baseMs: number, capMs: number): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}
