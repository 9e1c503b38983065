import { circuitBreaker } from './circuit-breaker.ts'
import { noBreaker } from './naive.ts'
import { opossumDefaults } from './variants/opossum-defaults.ts'

type Version = (...parts: Parameters<typeof circuitBreaker>) => ReturnType<typeof circuitBreaker>

/** What `PATTERN_CIRCUIT_BREAKER` can name. The services choose from it, each for its dependencies. */
export const breakerVersions = {
  on: circuitBreaker,
  naive: () => noBreaker(),
  'opossum-defaults': (dependency, _limits, log, metrics) =>
    opossumDefaults(dependency, log, metrics),
} as const satisfies Record<string, Version>
