const msPerSecond = 1_000
const steps = 10

/**
 * Counts events of the last `windowMs`, in steps, so that a busy dependency costs no more memory.
 * @param now milliseconds of a monotonic clock
 */
export function countPerSecond(windowMs: number, now: () => number) {
  const counts = new Array<number>(steps).fill(0)
  const stepMs = windowMs / steps
  let startedAt = now()
  let step = Math.floor(startedAt / stepMs)

  function forgetOld(): void {
    const current = Math.floor(now() / stepMs)
    const passed = Math.min(steps, current - step)
    for (let i = 1; i <= passed; i += 1) counts[(step + i) % steps] = 0
    step = current
  }

  function seconds(): number {
    const sinceStart = now() - startedAt
    // The current step has only begun, so the window is shorter by what is left of it.
    const leftOfStep = stepMs - (now() % stepMs)
    return Math.min(sinceStart, windowMs - leftOfStep) / msPerSecond
  }

  function total(): number {
    forgetOld()
    return counts.reduce((sum, count) => sum + count, 0)
  }

  return {
    add(events: number): void {
      forgetOld()
      counts[step % steps] = (counts[step % steps] ?? 0) + events
    },
    /** Begins anew. */
    forget(): void {
      counts.fill(0)
      startedAt = now()
    },
    total,
    /** How much time the counts are of. */
    seconds,
    perSecond: (): number => total() / Math.max(stepMs / msPerSecond, seconds()),
  }
}
