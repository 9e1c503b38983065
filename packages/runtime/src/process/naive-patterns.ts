import type { Log } from '../telemetry/logger.ts'
import { ConfigError } from './config.ts'

/**
 * Warns of every pattern that is switched to its naive version or to a variant: that is for a lab. In
 * production it is refused, unless LAB=1 allows it.
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
