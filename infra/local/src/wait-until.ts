import { setTimeout as sleep } from 'node:timers/promises'

const pollMs = 50

/**
 * Checks a condition until it holds or the time is up, and answers which it was. The condition is
 * checked at least once, so that a timeout of 0 asks about this moment.
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs: number = pollMs,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() >= deadline) return false
    await sleep(everyMs)
  }
  return true
}
