export type Backoff = Readonly<{
  firstMs: number
  maxMs: number
  /** A life at least this long counts as healthy: the next restart is quick again. */
  healthyAfterMs: number
}>

/** Quick enough for one crash not to be noticed, slow enough for a crash loop not to burn a core. */
export const restartBackoff: Backoff = { firstMs: 200, maxMs: 5_000, healthyAfterMs: 10_000 }

/** How long to wait before the next restart, after a life of `livedMs` and a wait of `lastMs`. */
export function nextBackoffMs(backoff: Backoff, lastMs: number | undefined, livedMs: number) {
  if (lastMs === undefined || livedMs >= backoff.healthyAfterMs) return backoff.firstMs
  return Math.min(lastMs * 2, backoff.maxMs)
}
