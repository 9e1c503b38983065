import { bulkhead } from '@nightshift/patterns/bulkhead/bulkhead'
import { bulkheadMetrics } from '@nightshift/patterns/bulkhead/metrics'
import { noBulkhead } from '@nightshift/patterns/bulkhead/naive'
import { dependencyMetrics } from '@nightshift/patterns/circuit-breaker/metrics'
import { breakerVersions } from '@nightshift/patterns/circuit-breaker/versions'
import type { learnedRate } from '@nightshift/patterns/load-shedding/load-shedding'
import { outboundCall } from '@nightshift/patterns/outbound-call/outbound-call'
import { retryMetrics } from '@nightshift/patterns/retry-budget/metrics'
import { repeatThreeTimes } from '@nightshift/patterns/retry-budget/naive'
import { neverRepeat } from '@nightshift/patterns/retry-budget/never'
import { retryBudget } from '@nightshift/patterns/retry-budget/retry-budget'
import { openHttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { retryModeOf } from '@nightshift/patterns/unknown-outcome/retry-mode'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import { captureOrVoidAtProvider } from './clients/capture-or-void-at-provider.ts'
import { chargeIdempotently, chargeOrCallItDeclined } from './clients/charge.ts'
import { makeRefundIdempotently } from './clients/make-refund.ts'
import type { ProviderConnection } from './clients/provider-api.ts'
import type { Config } from './config.ts'
import type { Limits } from './limits.ts'
import type { PaymentsLog } from './log-events.ts'

const dependency = 'card-provider'

type Resources = { open: AsyncDisposableStack; limits: Limits; log: PaymentsLog } & Pick<
  Metrics,
  'registry'
>

/**
 * The calls to the card provider. Each may be repeated: the provider carries it out once. Requests
 * and jobs have places of their own, so neither keeps the other from calling. Jobs make one call per
 * round, because the next round repeats it.
 */
export function openProvider(
  config: Config,
  { open, limits, log, registry }: Resources,
  admission: Pick<ReturnType<typeof learnedRate>, 'sent'>,
) {
  const http = open.adopt(openHttpClient(config.CARD_PROVIDER_URL, limits.providerHttp), client =>
    client.close(),
  )
  const metrics = dependencyMetrics(registry)
  const bulkheads = bulkheadMetrics(registry)
  const placesFor = (kind: string, callsMax: number) =>
    config.PATTERN_BULKHEAD === 'on'
      ? bulkhead(callsMax, bulkheads.of(`${dependency} ${kind}`))
      : noBulkhead()
  const openBreaker = breakerVersions[config.PATTERN_CIRCUIT_BREAKER]
  const breaker = openBreaker(dependency, limits.provider, log, metrics)
  const hasBudget = config.PATTERN_RETRY_BUDGET === 'on'
  const shared = { dependency, limits: limits.provider, breaker, log, metrics }
  const { requestCallsMax, jobCallsMax } = limits.providerHttp
  const connection = { http, admission, secretKey: config.CARD_PROVIDER_SECRET_KEY }
  return {
    forRequests: providerCalls(config, limits, {
      ...connection,
      call: outboundCall({
        ...shared,
        bulkhead: placesFor('requests', requestCallsMax),
        retries: hasBudget
          ? retryBudget(limits.provider, retryMetrics(registry).of(dependency))
          : repeatThreeTimes(),
      }),
    }),
    forJobs: providerCalls(config, limits, {
      ...connection,
      call: outboundCall({
        ...shared,
        bulkhead: placesFor('jobs', jobCallsMax),
        retries: hasBudget ? neverRepeat() : repeatThreeTimes(),
      }),
    }),
  }
}

function providerCalls(config: Config, limits: Limits, provider: ProviderConnection) {
  // The clocks of this machine and of the database may differ. The margin of the rules covers that.
  const modeOf = (createdAt: Date) =>
    retryModeOf(Date.now() - createdAt.getTime(), limits.providerRules)
  return {
    charge:
      config.PATTERN_UNKNOWN_OUTCOME === 'not-found-is-failed'
        ? chargeOrCallItDeclined(provider)
        : chargeIdempotently(provider, modeOf),
    captureOrVoid: captureOrVoidAtProvider(provider),
    makeRefund: makeRefundIdempotently(provider, modeOf),
  }
}
