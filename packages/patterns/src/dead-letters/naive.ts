import { setTimeout as sleep } from 'node:timers/promises'
import { describeFailure, type FailurePolicy } from '@nightshift/runtime/kafka/consumer'
import { fullJitterMs } from '@nightshift/runtime/process/jitter'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import type { DeadLettersLogEvent } from './log-events.ts'

const retryBaseMs = 50
const retryCapMs = 1_000

/**
 * What most teams ship first: a record that can't be applied is tried until it can. The offset does
 * not move past it, so every event behind it in the partition waits for ever.
 */
export function retryForEver(log: Log<DeadLettersLogEvent>): FailurePolicy {
  return async ({ at, attempt, failed, stay }) => {
    for (let failures = 1; ; failures += 1) {
      const reason = await attempt().catch(describeFailure)
      if (reason === undefined) return 'applied'
      failed(`it failed ${failures} times: ${reason}`)
      log.warn({ event: 'event.retried', ...at, failures, reason })
      await sleep(fullJitterMs(failures - 1, retryBaseMs, retryCapMs))
      if (!(await stay())) return 'left'
    }
  }
}
