import { setTimeout as sleep } from 'node:timers/promises'

const pollMs = 50

/**
 * Asks until the answer is yes or the time is up, and says which it was. The condition is asked at
 * least once, so that a deadline of 0 means "is it so now?".
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
