import type { HealthChecks } from './types.ts'

/**
 * What most teams ship first: one deep check for both probes. It asks every dependency, and an instance
 * whose check fails gets no request. All instances ask the same dependencies, so all of them fail it
 * in the same moment.
 */
export const askEveryDependency: HealthChecks = ({ isServing, report }) => {
  const isHealthy = async () => (await report()).status === 'ok'
  return { isLive: isHealthy, isReady: async () => isServing() && (await isHealthy()) }
}
