import { type BulkheadQueue, bulkhead } from '@nightshift/patterns/bulkhead/bulkhead'
import { bulkheadMetrics } from '@nightshift/patterns/bulkhead/metrics'
import { noBulkhead } from '@nightshift/patterns/bulkhead/naive'
import { openedOnlyBy } from '@nightshift/patterns/circuit-breaker/circuit-breaker'
import { dependencyMetrics } from '@nightshift/patterns/circuit-breaker/metrics'
import { breakerVersions } from '@nightshift/patterns/circuit-breaker/versions'
import type { learnedRate } from '@nightshift/patterns/load-shedding/load-shedding'
import { lagAwareTimer } from '@nightshift/patterns/local-stall/local-stall'
import { bareTimer } from '@nightshift/patterns/local-stall/naive'
import {
  type OutboundCallOptions,
  outboundCall,
} from '@nightshift/patterns/outbound-call/outbound-call'
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

type KindOfWork = Pick<OutboundCallOptions, 'bulkhead' | 'retries'> &
  Pick<ProviderConnection, 'noteQuotaUnused'>

/**
 * The calls to the card provider. Each may be repeated: the provider carries it out once. Requests
 * and jobs have places of their own, so neither keeps the other from calling. Jobs make one call per
 * round, because the next round repeats it.
 */
export function openProvider(
  config: Config,
  { open, limits, log, registry }: Resources,
  admission: Pick<ReturnType<typeof learnedRate>, 'sent' | 'giveBack'>,
) {
  const timer = config.PATTERN_LOCAL_STALL === 'on' ? lagAwareTimer : bareTimer
  const http = open.adopt(
    openHttpClient(config.CARD_PROVIDER_URL, limits.providerHttp, timer),
    client => client.close(),
  )
  const metrics = dependencyMetrics(registry)
  const bulkheads = bulkheadMetrics(registry)
  const placesFor = (kind: string, callsMax: number, queue?: BulkheadQueue) =>
    config.PATTERN_BULKHEAD === 'on'
      ? bulkhead(callsMax, bulkheads.of(`${dependency} ${kind}`), queue)
      : noBulkhead()
  const openBreaker = breakerVersions[config.PATTERN_CIRCUIT_BREAKER]
  const breaker = openBreaker(dependency, limits.provider, log, metrics)
  const hasBudget = config.PATTERN_RETRY_BUDGET === 'on'
  const shared = { dependency, limits: limits.provider, breaker, log, metrics }
  const { requestCallsMax, jobCallsMax, placeWaitMs, placesWaitingMax } = limits.providerHttp
  const queue = { waitMs: placeWaitMs, waitingMax: placesWaitingMax }
  const callsOf = ({ noteQuotaUnused, ...kind }: KindOfWork) =>
    providerCalls(config, limits, {
      http,
      admission,
      noteQuotaUnused,
      secretKey: config.CARD_PROVIDER_SECRET_KEY,
      call: outboundCall({ ...shared, ...kind }),
      search: outboundCall({ ...shared, ...kind, breaker: openedOnlyBy(breaker) }),
    })
  return {
    /**
     * Takes due work only while the breaker would let its call through. A check that our own breaker
     * refuses finds out nothing, and doubles the wait before the next one: after a short trouble, most
     * payments would wait for longer than the trouble took.
     */
    whileAdmitted:
      <Due>(takeDue: () => Promise<Due | undefined>) =>
      async (): Promise<Due | undefined> =>
        breaker.isRefusing() ? undefined : takeDue(),
    forRequests: callsOf({
      bulkhead: placesFor('requests', requestCallsMax, queue),
      retries: hasBudget
        ? retryBudget(limits.provider, retryMetrics(registry).of(dependency))
        : repeatThreeTimes(),
      // The door gives back the places of requests.
      noteQuotaUnused: () => {},
    }),
    forJobs: callsOf({
      bulkhead: placesFor('jobs', jobCallsMax),
      retries: hasBudget ? neverRepeat() : repeatThreeTimes(),
      noteQuotaUnused: () => admission.giveBack('begun'),
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
