import { buildApp as buildListings } from '@nightshift/listings/app'
import { buildApp as buildNotifications } from '@nightshift/notifications/app'
import { buildApp as buildPayments } from '@nightshift/payments/app'
import { routeAccessOf } from '@nightshift/runtime/http/route-access'
import { expect, test } from 'vitest'
import { nothingBehind } from './nothing-behind.ts'

/**
 * Every route of every public port, and who may call it. A new route, or another answer to that
 * question, is a line here that somebody wrote on purpose.
 */
const committed = {
  payments: [
    'GET /v1/payments   payments:read',
    'GET /v1/payments/:paymentId   payments:read',
    'GET /v1/payments/:paymentId/refunds   payments:read',
    'GET /v1/statements   payments:read',
    'POST /v1/payments   payments:write',
    'POST /v1/payments/:paymentId/capture   payments:write',
    'POST /v1/payments/:paymentId/refunds   payments:write',
    'POST /v1/payments/:paymentId/void   payments:write',
    // Signed by the card provider, who has no key.
    'POST /v1/provider-webhooks   public',
  ],
  listings: [
    'GET /v1/listings   public',
    'GET /v1/listings/:listingId   listings:read',
    'POST /v1/listings   listings:write',
    'POST /v1/listings/:listingId/publish   listings:write',
  ],
  notifications: [
    // The links in mails; the signature in them is checked by the POSTs.
    'GET /v1/confirm/:token   public',
    'GET /v1/unsubscribe/:token   public',
    'POST /v1/alerts   public',
    'POST /v1/confirm/:token   public',
    'POST /v1/unsubscribe/:token   public',
  ],
}

const builders = {
  payments: buildPayments,
  listings: buildListings,
  notifications: buildNotifications,
}

test.each(Object.entries(builders))(
  '%s is open where it should be, and nowhere else',
  async (name, build) => {
    const app = await build(nothingBehind(name) as never)
    await app.ready()
    const lines = routeAccessOf(app)
      // Fastify adds a HEAD to each GET, for the same callers.
      .filter(({ method }) => method !== 'HEAD')
      .map(({ method, url, access }) => `${method} ${url}   ${access}`)
    expect(lines.toSorted()).toEqual(committed[name as keyof typeof committed])
    await app.close()
  },
)

test('a HEAD is for those who may GET', async () => {
  for (const [name, build] of Object.entries(builders)) {
    const app = await build(nothingBehind(name) as never)
    const table = routeAccessOf(app)
    for (const { url, access } of table.filter(({ method }) => method === 'HEAD')) {
      expect(table).toContainEqual({ method: 'GET', url, access })
    }
    await app.close()
  }
})
