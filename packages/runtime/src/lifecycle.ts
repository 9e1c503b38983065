import { once } from 'node:events'
import { ConfigError } from './config.ts'
import type { Log } from './logger.ts'

/** Longer than any drain may take, shorter than the ten seconds that a supervisor waits (L6). */
const stopDeadlineMs = 9_000

/**
 * Runs a service until SIGTERM or SIGINT. `run` opens everything, calls `untilStopped`, and closes
 * in reverse order when that returns. A second signal, or a drain that takes too long, ends it at once.
 */
export async function runService(
  log: Log,
  run: (untilStopped: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1)
      log.info({ event: 'service.stopping', signal })
      setTimeout(
        () => crash(new Error(`not stopped after ${stopDeadlineMs} ms`)),
        stopDeadlineMs,
      ).unref()
      stop.abort()
    })
  }
  const crash = (error: unknown) => {
    log.error({ event: 'service.crashed', error })
    void log.flush().finally(() => process.exit(1))
    // A blocked output must not keep a broken process alive.
    setTimeout(() => process.exit(1), 500).unref()
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  try {
    await run(async () => {
      if (!stop.signal.aborted) await once(stop.signal, 'abort')
    })
    log.info({ event: 'service.stopped' })
    await log.flush()
    process.exit(0)
  } catch (error) {
    if (error instanceof ConfigError) {
      log.error({ event: 'configuration.refused', mistakes: error.mistakes })
      await log.flush()
      process.exit(78)
    }
    crash(error)
  }
}
