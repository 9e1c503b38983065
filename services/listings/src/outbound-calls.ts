import { bulkhead } from '@nightshift/patterns/bulkhead/bulkhead'
import { bulkheadMetrics } from '@nightshift/patterns/bulkhead/metrics'
import { noBulkhead } from '@nightshift/patterns/bulkhead/naive'
import { dependencyMetrics } from '@nightshift/patterns/circuit-breaker/metrics'
import { breakerVersions } from '@nightshift/patterns/circuit-breaker/versions'
import { type OutboundCall, outboundCall } from '@nightshift/patterns/outbound-call/outbound-call'
import { retryMetrics } from '@nightshift/patterns/retry-budget/metrics'
import { repeatThreeTimes } from '@nightshift/patterns/retry-budget/naive'
import { neverRepeat } from '@nightshift/patterns/retry-budget/never'
import { retryBudget } from '@nightshift/patterns/retry-budget/retry-budget'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import type { Config } from './config.ts'
import type { Limits } from './limits.ts'
import type { ListingsLog } from './log-events.ts'

/**
 * The calls to payments and to Redis. Requests and the job have places of their own at payments, so
 * neither keeps the other from calling. The job makes one try per round, because the next round
 * repeats it. A read of the cache is not repeated: the database has the answer.
 */
export function outboundCalls(
  config: Config,
  limits: Limits,
  log: ListingsLog,
  registry: Metrics['registry'],
): Record<'paymentsForRequests' | 'paymentsForJob' | 'redis', OutboundCall> {
  const metrics = dependencyMetrics(registry)
  const bulkheads = bulkheadMetrics(registry)
  const places = (name: string, callsMax: number) =>
    config.PATTERN_BULKHEAD === 'on' ? bulkhead(callsMax, bulkheads.of(name)) : noBulkhead()
  const openBreaker = breakerVersions[config.PATTERN_CIRCUIT_BREAKER]
  const hasBudget = config.PATTERN_RETRY_BUDGET === 'on'
  const payments = {
    dependency: 'payments',
    limits: limits.payments,
    breaker: openBreaker('payments', limits.payments, log, metrics),
    log,
    metrics,
  }
  const { requestCallsMax, jobCallsMax } = limits.paymentsHttp
  return {
    paymentsForRequests: outboundCall({
      ...payments,
      bulkhead: places('payments requests', requestCallsMax),
      retries: hasBudget
        ? retryBudget(limits.payments, retryMetrics(registry).of('payments'))
        : repeatThreeTimes(),
    }),
    paymentsForJob: outboundCall({
      ...payments,
      bulkhead: places('payments job', jobCallsMax),
      retries: hasBudget ? neverRepeat() : repeatThreeTimes(),
    }),
    redis: outboundCall({
      dependency: 'redis',
      limits: limits.redis,
      breaker: openBreaker('redis', limits.redis, log, metrics),
      bulkhead: places('redis', limits.redis.callsMax),
      retries: neverRepeat(),
      log,
      metrics,
    }),
  }
}
