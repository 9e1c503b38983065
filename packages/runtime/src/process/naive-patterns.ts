import type { Log } from '../telemetry/logger.ts'
import { ConfigError } from './config.ts'

/**
 * A pattern that is switched to its naive twin, or to a variant of it, is for a lab. It is said loudly at the start, and in
 * production it is refused, unless LAB=1 says that it is meant.
 * @throws ConfigError naming the switches
 */
export function warnOfNaivePatterns(config: object, log: Log): void {
  const settings = Object.entries(config)
  const naive = settings.filter(([name, value]) => name.startsWith('PATTERN_') && value !== 'on')
  if (naive.length === 0) return
  const { NODE_ENV, LAB } = config as { NODE_ENV?: string; LAB?: string }
  if (NODE_ENV === 'production' && LAB !== '1') {
    throw new ConfigError(
      naive.map(
        ([name, value]) => `${name}=${value} is for experiments; LAB=1 allows it in production`,
      ),
    )
  }
  for (const [name, variant] of naive) {
    log.warn({ event: 'pattern.naive', switch: name, variant })
  }
}
