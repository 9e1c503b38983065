import { join } from 'node:path'
import { outboxCrashPoints } from '@nightshift/patterns/outbox/crash-points'
import { readConfig } from '@nightshift/runtime/process/config'
import { runService } from '@nightshift/runtime/process/lifecycle'
import { warnOfNaivePatterns } from '@nightshift/runtime/process/naive-patterns'
import { serve } from '@nightshift/runtime/process/serve'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { compose, limitsOf, poolsOf } from './compose.ts'
import { Config, refuseIgnoredSwitches } from './config.ts'
import { paymentsCrashPoints } from './crash-points.ts'
import { limits } from './limits.ts'
import type { PaymentsLog } from './log-events.ts'

if (import.meta.main) {
  const log: PaymentsLog = openLog('payments')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    refuseIgnoredSwitches(config)
    warnOfNaivePatterns(config, log)
    const chosen = limitsOf(config)
    await serve({
      name: 'payments',
      config,
      log,
      stop,
      crashPoints: [paymentsCrashPoints, outboxCrashPoints],
      migrations: join(import.meta.dirname, '../migrations'),
      pools: poolsOf(config, chosen),
      start: opened => compose(config, { ...opened, limits: chosen, log, stop }),
    })
  })
}
