/** A wait as `Retry-After` says it. At least one: zero would say "at once". */
export function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000))
}
