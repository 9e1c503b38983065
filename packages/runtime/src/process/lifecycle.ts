import { once } from 'node:events'
import type { Log } from '../telemetry/logger.ts'
import { ConfigError } from './config.ts'

/** Resolves when the service is told to stop. */
export async function untilAborted(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await once(stop, 'abort')
}

/**
 * Runs a service until SIGTERM or SIGINT. `run` opens everything, waits for `stop` to abort, and
 * closes in reverse order. A second signal, or a drain that takes too long, ends it at once.
 * @param stopDeadlineMs longer than any drain may take, and shorter than a supervisor waits before it
 *   kills; the limits of each service assert the former
 */
export async function runService(
  log: Log,
  stopDeadlineMs: number,
  run: (stop: AbortSignal) => Promise<void>,
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
    await run(stop.signal)
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
