import type { Authenticate } from '@nightshift/runtime/http/authenticate'
import {
  buildHttpServer,
  type Entrance,
  type HttpServerLimits,
  type ReadBudget,
  type SlowClients,
} from '@nightshift/runtime/http/server'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import { type CaptureOrVoidRoutesDeps, captureOrVoidRoutes } from './http/capture-or-void-routes.ts'
import { type PaymentRoutesDeps, paymentRoutes } from './http/payment-routes.ts'
import { type RefundRoutesDeps, refundRoutes } from './http/refund-routes.ts'
import { type StatementRoutesDeps, statementRoutes } from './http/statement-routes.ts'
import { type WebhookRoutesDeps, webhookRoutes } from './http/webhook-routes.ts'
import type { PaymentsLog } from './log-events.ts'

export type AppDeps = PaymentRoutesDeps &
  CaptureOrVoidRoutesDeps &
  RefundRoutesDeps &
  StatementRoutesDeps &
  WebhookRoutesDeps & {
    authenticate: Authenticate
    httpLimits: HttpServerLimits
    log: PaymentsLog
    metrics: Metrics
    readBudget: ReadBudget
    entrance: Entrance
    slowClients: SlowClients
  }

/**
 * The application behind the public port. It is only built here: no I/O happens, and nothing
 * listens.
 */
export async function buildApp(deps: AppDeps) {
  const app = await buildHttpServer({
    title: 'Nightshift payments',
    description: 'Takes payments, once per idempotency key, and refunds them.',
    limits: deps.httpLimits,
    log: deps.log,
    metrics: deps.metrics,
    readBudget: deps.readBudget,
    entrance: deps.entrance,
    slowClients: deps.slowClients,
    authenticate: deps.authenticate,
  })
  await app.register(paymentRoutes, { deps })
  await app.register(captureOrVoidRoutes, { deps })
  await app.register(refundRoutes, { deps })
  await app.register(statementRoutes, { deps })
  await app.register(webhookRoutes, { deps })
  return app
}
