import type { Authenticate } from '@nightshift/runtime/http/authenticate'
import { buildHttpServer, type ReadBudget } from '@nightshift/runtime/http/server'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import type { SearchListingsDeps } from './flows/search-listings.ts'
import { type EmployerRoutesDeps, employerRoutes } from './http/employer-routes.ts'
import { searchRoutes } from './http/search-routes.ts'
import { limits } from './limits.ts'

export type AppDeps = EmployerRoutesDeps & {
  search: SearchListingsDeps
  authenticate: Authenticate
  readBudget: ReadBudget
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
    limits: limits.http,
    log: deps.log,
    metrics: deps.metrics,
    readBudget: deps.readBudget,
    authenticate: deps.authenticate,
  })
  await app.register(searchRoutes, { deps: deps.search })
  await app.register(employerRoutes, { deps })
  return app
}
