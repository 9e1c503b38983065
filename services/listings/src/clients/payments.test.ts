import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bareTimer } from '@nightshift/patterns/local-stall/naive'
import type { OutboundCall } from '@nightshift/patterns/outbound-call/outbound-call'
import { openHttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { afterNewcomers, inBackground, type Priority } from '@nightshift/runtime/process/priority'
import { expect, test } from 'vitest'
import type { Publication } from '../domain/publication.ts'
import { limits } from '../limits.ts'
import { payForPublication } from './payments.ts'

const publication: Publication = {
  publicationId: '00000000-0000-4000-8000-000000000001',
  listingId: '00000000-0000-4000-8000-000000000002',
  tenantId: '00000000-0000-4000-8000-000000000003',
  plan: 'basic',
  amountCents: 9_900,
  currency: 'EUR',
  status: 'pending',
  paymentId: null,
  cardToken: 'tok_visa',
  attempt: 7,
}
const onlyOnce: OutboundCall = (_operation, deadline, attempt) => attempt(deadline, 0)

/** What payments hears, as a server that is always busy. */
async function heardFrom(priority: Priority): Promise<IncomingHttpHeaders> {
  let heard: IncomingHttpHeaders = {}
  const server = createServer((request, response) => {
    heard = request.headers
    request.resume()
    response.writeHead(503).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const http = openHttpClient(`http://127.0.0.1:${port}`, limits.paymentsHttp, bareTimer)
  const connection = { http, serviceKey: 'key', admission: { hear: () => {} } }
  await payForPublication(connection, onlyOnce)(publication, deadlineIn(1_000), priority)
  await http.close()
  await new Promise(resolve => server.close(resolve))
  return heard
}

test('payments hears that a client has waited, or that a job asks', async () => {
  expect(await heardFrom(afterNewcomers)).toMatchObject({ priority: 'u=4' })
  expect(await heardFrom(inBackground)).toMatchObject({ priority: 'u=7' })
})

test('a resumed publication of a newcomer is no further attempt of the newcomer', async () => {
  const heard = await heardFrom({})
  expect(heard['x-retry-attempt']).toBeUndefined()
  expect(heard.priority).toBeUndefined()
})
