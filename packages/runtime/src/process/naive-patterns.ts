import { Gauge, type Registry } from 'prom-client'
import type { Log } from '../telemetry/logger.ts'
import { ConfigError } from './config.ts'

/**
 * Shows in the metrics which version of each pattern this process runs. A switch can be seen from outside
 * then, whoever set it.
 */
export function showPatterns(config: object, registry: Registry): void {
  const variants = new Gauge({
    name: 'pattern_variant',
    help: 'The version of each pattern that this process runs: 1 for on, naive, or the name of a variant.',
    labelNames: ['switch', 'variant'] as const,
    registers: [registry],
  })
  for (const [name, value] of Object.entries(config)) {
    if (name.startsWith('PATTERN_')) variants.set({ switch: name, variant: String(value) }, 1)
  }
}

/** Settings that make a process fail on purpose. */
const faults = ['CRASH_AT', 'BLOCK_AT']

/**
 * Warns of every pattern that is switched to its naive version or to a variant: that is for a lab. In
 * production it is refused, unless LAB=1 allows it. So is a setting that makes the process fail.
 * @throws ConfigError naming the settings
 */
export function warnOfNaivePatterns(config: object, log: Log): void {
  const settings = Object.entries(config)
  const naive = settings.filter(([name, value]) => name.startsWith('PATTERN_') && value !== 'on')
  const failing = settings.filter(([name, value]) => faults.includes(name) && Boolean(value))
  const forLab = naive.concat(failing)
  if (forLab.length === 0) return
  const { NODE_ENV, LAB } = config as { NODE_ENV?: string; LAB?: string }
  if (NODE_ENV === 'production' && LAB !== '1') {
    throw new ConfigError(
      forLab.map(
        ([name, value]) => `${name}=${value} is for experiments; LAB=1 allows it in production`,
      ),
    )
  }
  for (const [name, variant] of naive) {
    log.warn({ event: 'pattern.naive', switch: name, variant })
  }
}
