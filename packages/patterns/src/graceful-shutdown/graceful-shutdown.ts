/**
 * Fault:    a process is stopped while requests are in it, and more are on their way to it
 * Without:  load-tests/results/deploy-under-load.json (requests that failed); the code is `naive.ts`.
 * With:     it says first that it takes no more, serves until the callers know, and then closes.
 * Switch:   PATTERN_GRACEFUL_SHUTDOWN=naive
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Leave } from './types.ts'

/**
 * Says "not ready" and goes on serving. The proxy asks only now and then, so it sends requests for a
 * while to an instance that is about to end; a server that closed at once would refuse them. What
 * follows is the order of `serve`: no new connection, answers to everything that is in progress, then
 * the consumers, the connections, the exit.
 * @param wait resolves after so many milliseconds
 */
export function drainFirst(wait: (ms: number) => Promise<unknown> = sleep): Leave {
  return async ({ becomeUnready, drainMs, log }) => {
    becomeUnready()
    // Without a proxy nothing would be gained by the wait.
    if (drainMs === 0) return
    log.info({ event: 'service.draining', drainMs })
    await wait(drainMs)
  }
}
