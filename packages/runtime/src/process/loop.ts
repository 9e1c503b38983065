import { setImmediate as otherTurns, setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../telemetry/logger.ts'
import { fullJitterMs } from './jitter.ts'

export type LoopOptions = {
  name: string
  /**
   * Does one bounded batch and answers how much it did; `batchMax` or more means that more may be
   * waiting. A batch that takes longer than one attempt has to watch the signal: the stop waits for it.
   */
  runOnce: (signal: AbortSignal) => Promise<number>
  batchMax: number
  idleMs: number
  failureBackoffCapMs: number
  signal: AbortSignal
  log: Log
}

/**
 * Runs `runOnce` until the signal aborts: at once again after a full batch, after `idleMs` otherwise,
 * and after a growing wait when it failed. A failure is logged and never ends the loop.
 */
export async function runLoop(options: LoopOptions): Promise<void> {
  const { name, runOnce, batchMax, idleMs, failureBackoffCapMs, signal, log } = options
  let failures = 0
  while (!signal.aborted) {
    let waitMs = idleMs
    try {
      const done = await runOnce(signal)
      failures = 0
      if (done >= batchMax) waitMs = 0
    } catch (error) {
      waitMs = idleMs + fullJitterMs(failures, 100, failureBackoffCapMs)
      failures += 1
      log.warn({ event: 'loop.failed', loop: name, failures, error })
    }
    // A round that awaited nothing would otherwise keep the event loop from all other work.
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(stopped)
    else await otherTurns()
  }
}

/** An aborted sleep is how a loop is told to end; the condition of the loop sees it. */
function stopped(): void {}
