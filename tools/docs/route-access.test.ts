import { serviceNames } from '@nightshift/local/system/secrets'
import { routeAccessOf } from '@nightshift/runtime/http/route-access'
import { expect, test } from 'vitest'
import { openServiceApp } from './service-apps.ts'

/**
 * Every route of every public port, and its callers. A new route, or new callers of an old one, must
 * be a line here, so that no route is opened by accident.
 */
const committed = {
  payments: [
    'GET /v1/payments   payments:read',
    'GET /v1/payments/:paymentId   payments:read',
    'GET /v1/payments/:paymentId/refunds   payments:read',
    'GET /v1/statements   payments:read',
    'POST /v1/payments   payments:take',
    'POST /v1/payments/:paymentId/capture   payments:write',
    'POST /v1/payments/:paymentId/refunds   payments:write',
    'POST /v1/payments/:paymentId/void   payments:write',
    // The card provider has no key and signs its webhooks.
    'POST /v1/provider-webhooks   public',
  ],
  listings: [
    'GET /v1/listings   public',
    'GET /v1/listings/:listingId   listings:read',
    'POST /v1/listings   listings:write',
    'POST /v1/listings/:listingId/publish   listings:write',
  ],
  notifications: [
    // The GETs are links in mails. The POSTs check the signature in them.
    'GET /v1/confirm/:token   public',
    'GET /v1/unsubscribe/:token   public',
    'POST /v1/alerts   public',
    'POST /v1/confirm/:token   public',
    'POST /v1/unsubscribe/:token   public',
  ],
}

test.each(serviceNames)('%s is open where it should be, and nowhere else', async name => {
  await using app = await openServiceApp(name)
  const lines = routeAccessOf(app)
    // Fastify adds a HEAD to each GET, for the same callers.
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, url, access }) => `${method} ${url}   ${access}`)
  expect(lines.toSorted()).toEqual(committed[name])
})

test.each(serviceNames)('%s lets the callers of a GET send a HEAD, and no others', async name => {
  await using app = await openServiceApp(name)
  const table = routeAccessOf(app)
  for (const { url, access } of table.filter(({ method }) => method === 'HEAD')) {
    expect(table).toContainEqual({ method: 'GET', url, access })
  }
})
