import { join } from 'node:path'
import { outboxCrashPoints } from '@nightshift/patterns/outbox/crash-points'
import { consumerCrashPoints } from '@nightshift/runtime/kafka/consumer'
import { readConfig } from '@nightshift/runtime/process/config'
import { runService } from '@nightshift/runtime/process/lifecycle'
import { warnOfNaivePatterns } from '@nightshift/runtime/process/naive-patterns'
import { serve } from '@nightshift/runtime/process/serve'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { compose, limitsOf, poolsOf } from './compose.ts'
import { Config } from './config.ts'
import { listingsCrashPoints } from './crash-points.ts'
import { limits } from './limits.ts'
import type { ListingsLog } from './log-events.ts'

/**
 * Two variants concern charging a card, which only payments does. Here they mean the same as `on`.
 */
function withEffectiveSwitches(config: Config, log: ListingsLog): Config {
  const { PATTERN_IDEMPOTENCY_KEY: variant } = config
  if (variant !== 'claim-in-business-transaction' && variant !== 'cache-then-charge') return config
  log.info({ event: 'pattern.unaffected', switch: 'PATTERN_IDEMPOTENCY_KEY', variant })
  return { ...config, PATTERN_IDEMPOTENCY_KEY: 'on' }
}

if (import.meta.main) {
  const log: ListingsLog = openLog('listings')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    warnOfNaivePatterns(withEffectiveSwitches(config, log), log)
    const chosen = limitsOf(config)
    await serve({
      name: 'listings',
      config,
      log,
      stop,
      crashPoints: [listingsCrashPoints, outboxCrashPoints, consumerCrashPoints],
      migrations: join(import.meta.dirname, '../migrations'),
      pools: poolsOf(config, chosen),
      start: opened => compose(config, { ...opened, limits: chosen, log, stop }),
    })
  })
}
