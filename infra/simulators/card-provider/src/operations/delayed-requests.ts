import type { Line } from '../../../append-log.ts'
import type { Background } from '../background.ts'
import { limits } from '../limits.ts'
import type { ProviderLogLine, RequestDelayed } from '../log/provider-log-entry.ts'

/** Executes a delayed request. Answers false when it cannot be executed yet. */
export type ExecuteDelayed = (request: Line<RequestDelayed>, isLastTry: boolean) => Promise<boolean>

/** These requests were accepted and are executed later, whether their client waits or not. */
export type DelayedRequests = Readonly<{
  isFull: () => boolean
  /** Applies one line of the provider log, which delays one more request or ends one. */
  apply: (line: ProviderLogLine) => void
  /** From now on every request is executed when it is due, and the overdue ones at once. */
  start: (execute: ExecuteDelayed, background: Background) => void
}>

/** Holds only what the provider log says, so a killed process loses no delayed request. */
export function createDelayedRequests(now: () => number): DelayedRequests {
  const waiting = new Map<string, Line<RequestDelayed>>()
  let schedule: (request: Line<RequestDelayed>) => void = () => undefined

  return {
    isFull: () => waiting.size >= limits.delayedMax,
    apply(line) {
      if (line.type === 'request.delayed') {
        waiting.set(line.requestId, line)
        schedule(line)
      } else if ('late' in line && line.late) {
        waiting.delete(line.requestId)
      }
    },
    start(execute, background) {
      const attempt = async (request: Line<RequestDelayed>, tries: number): Promise<void> => {
        if (await execute(request, tries >= limits.lateTriesMax)) return
        background.later(limits.lateRetryMs, () => attempt(request, tries + 1))
      }
      schedule = request => {
        const inMs = Math.max(0, Date.parse(request.dueAt) - now())
        background.later(inMs, () => attempt(request, 1))
      }
      for (const request of waiting.values()) schedule(request)
    },
  }
}
