import type { Timer } from './types.ts'

/**
 * What most teams ship first: `setTimeout`. It cannot tell a dependency that is silent from a process
 * of ours that did not listen.
 */
export const bareTimer: Timer = (ms, expire) => {
  const timer = setTimeout(() => expire(), ms)
  return () => clearTimeout(timer)
}
