import { join } from 'node:path'
import { holdTimeouts } from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import { consumerCrashPoints } from '@nightshift/runtime/kafka/consumer'
import { readConfig } from '@nightshift/runtime/process/config'
import { runService } from '@nightshift/runtime/process/lifecycle'
import { warnOfNaivePatterns } from '@nightshift/runtime/process/naive-patterns'
import { serve } from '@nightshift/runtime/process/serve'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { compose, poolsOf } from './compose.ts'
import { Config } from './config.ts'
import { notificationsCrashPoints } from './crash-points.ts'
import { limits, relations } from './limits.ts'
import type { NotificationsLog } from './log-events.ts'

if (import.meta.main) {
  const log: NotificationsLog = openLog('notifications')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    warnOfNaivePatterns(config, log)
    holdTimeouts(limits, relations)
    await serve({
      name: 'notifications',
      config,
      log,
      stop,
      crashPoints: [notificationsCrashPoints, consumerCrashPoints],
      migrations: join(import.meta.dirname, '../migrations'),
      pools: poolsOf(config),
      start: opened => compose(config, { ...opened, log, stop }),
    })
  })
}
