import { circuitBreaker } from '@nightshift/patterns/circuit-breaker/circuit-breaker'
import { dependencyMetrics } from '@nightshift/patterns/circuit-breaker/metrics'
import { noBreaker } from '@nightshift/patterns/circuit-breaker/naive'
import { outboundCall } from '@nightshift/patterns/circuit-breaker/outbound-call'
import { retryModeOf } from '@nightshift/patterns/unknown-outcome/retry-mode'
import { openHttpClient } from '@nightshift/runtime/http/client'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import { captureOrVoidAtProvider, chargeCard } from './clients/card-provider.ts'
import { chargeIdempotently } from './clients/charge-idempotently.ts'
import { orLookUp } from './clients/look-up-charge.ts'
import { refundAtProvider } from './clients/refund-at-provider.ts'
import { refundIdempotently } from './clients/refund-idempotently.ts'
import type { Config } from './config.ts'
import type { CaptureOrVoidDeps } from './flows/capture-or-void.ts'
import type { FinishRefundDeps } from './flows/refund-payment.ts'
import type { FinishPaymentDeps } from './flows/take-payment.ts'
import { limits } from './limits.ts'
import type { PaymentsLog } from './log-events.ts'

export type ProviderCalls = Pick<FinishPaymentDeps, 'charge'> &
  Pick<CaptureOrVoidDeps, 'carryOut'> &
  Pick<FinishRefundDeps, 'giveBack'>

/** What is asked of the card provider: each thing as often as need be, and done there once. */
export function wireProvider(
  config: Config,
  open: AsyncDisposableStack,
  { log, metrics }: { log: PaymentsLog; metrics: Metrics },
): ProviderCalls {
  const http = open.adopt(openHttpClient(config.CARD_PROVIDER_URL, limits.providerHttp), client =>
    client.close(),
  )
  const dependency = 'card-provider'
  const callMetrics = dependencyMetrics(metrics.registry)
  const breaker =
    config.PATTERN_CIRCUIT_BREAKER === 'on'
      ? circuitBreaker(dependency, limits.provider, log, callMetrics)
      : noBreaker()
  const call = outboundCall({
    dependency,
    limits: limits.provider,
    breaker,
    log,
    metrics: callMetrics,
  })
  const provider = { call, http, secretKey: config.CARD_PROVIDER_SECRET_KEY }
  // Our clock against the database's: the margin of the rules is for that, too.
  const wayTo = (begunAt: Date) => retryModeOf(Date.now() - begunAt.getTime(), limits.providerRules)
  return {
    charge:
      config.PATTERN_UNKNOWN_OUTCOME === 'not-found-is-failed'
        ? orLookUp(chargeCard(provider), provider)
        : chargeIdempotently(chargeCard(provider), provider, wayTo),
    carryOut: captureOrVoidAtProvider(provider),
    giveBack: refundIdempotently(refundAtProvider(provider), provider, wayTo),
  }
}
