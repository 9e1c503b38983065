import type { Authenticate } from '@nightshift/runtime/http/authenticate'
import {
  buildHttpServer,
  type Entrance,
  type HttpServerLimits,
  type ReadBudget,
  type SlowClients,
} from '@nightshift/runtime/http/server'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import type { SearchListingsDeps } from './flows/search-listings.ts'
import { type EmployerRoutesDeps, employerRoutes } from './http/employer-routes.ts'
import { searchRoutes } from './http/search-routes.ts'

export type AppDeps = EmployerRoutesDeps & {
  search: SearchListingsDeps
  authenticate: Authenticate
  httpLimits: HttpServerLimits
  readBudget: ReadBudget
  entrance: Entrance
  slowClients: SlowClients
  log: Log
  metrics: Metrics
}

/**
 * The application behind the public port. It is only built here: no I/O happens, and nothing
 * listens.
 */
export async function buildApp(deps: AppDeps) {
  const app = await buildHttpServer({
    title: 'Nightshift listings',
    description: 'Listings, their publication, and the public search.',
    limits: deps.httpLimits,
    log: deps.log,
    metrics: deps.metrics,
    readBudget: deps.readBudget,
    entrance: deps.entrance,
    slowClients: deps.slowClients,
    authenticate: deps.authenticate,
  })
  await app.register(searchRoutes, { deps: deps.search })
  await app.register(employerRoutes, { deps })
  return app
}
