import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { as, call } from '../harness/test-client.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'

const services = ['payments', 'listings', 'notifications'] as const
const requestsPerRound = 600
const concurrency = 8
const roundsMax = 6
/** One Prometheus carries millions of series. A label with an id or a URL in it passes this in a minute. */
const seriesMax = 1_500

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'mailbox', ...services],
  })
})
afterAll(() => system[Symbol.asyncDispose]())

const oneOf = <Item>(items: readonly Item[]): Item =>
  items[Math.floor(Math.random() * items.length)] as Item

/** A request of a stranger: paths, methods, ids and bodies that were never sent before. */
async function strangeRequest(): Promise<void> {
  const word = () => randomBytes(1 + Math.floor(Math.random() * 20)).toString('base64url')
  const path = oneOf([
    `/v1/payments/${randomUUID()}`,
    `/v1/payments/${word()}/refunds`,
    `/v1/payments?status=${word()}`,
    `/v1/listings?text=${word()}&area=${word()}`,
    `/v1/listings/${randomUUID()}/publish`,
    `/v1/alerts`,
    `/v1/confirm/${word()}`,
    `/v1/unsubscribe/${word()}`,
    `/${word()}/${word()}?${word()}=${word()}`,
    '/v1/provider-webhooks',
  ])
  const method = oneOf(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'OPTIONS'])
  const key = oneOf([undefined, randomUUID(), word()])
  const headers = {
    ...oneOf<Record<string, string>>([
      {},
      as(system, oneOf(['acme', 'northwind', 'lumen'] as const), key),
      { authorization: `Bearer ${word()}` },
    ]),
    'user-agent': word(),
    traceparent: word(),
    'content-type': oneOf(['application/json', 'text/plain', word()]),
  }
  const body = method === 'GET' ? null : JSON.stringify({ [word()]: word(), cardToken: word() })
  const answer = await fetch(`${system.urls[oneOf(services)]}${path}`, { method, headers, body })
  await answer.arrayBuffer()
}

async function countSeries(): Promise<number> {
  const counts = await Promise.all(
    services.map(async name => {
      const { text } = await call('GET', `${system.urls[`${name}Operations`]}/metrics`)
      return text.split('\n').filter(line => line !== '' && !line.startsWith('#')).length
    }),
  )
  return Math.max(...counts)
}

const lastAdded = (counts: readonly number[]) => (counts.at(-1) ?? 0) - (counts.at(-2) ?? 0)

test('strangers add no series for ever: after some thousand requests the last hundreds add none', {
  timeout: 120_000,
}, async () => {
  const counts = [await countSeries()]
  for (let round = 1; round <= roundsMax; round += 1) {
    await runConcurrently(requestsPerRound, concurrency, strangeRequest)
    counts.push(await countSeries())
    // Fewer than before: the gauges of open handles have a series for each kind that is open just then.
    if (lastAdded(counts) <= 0) break
  }
  expect(lastAdded(counts), `series after each round: ${counts.join(', ')}`).toBeLessThanOrEqual(0)
  expect(counts.at(-1)).toBeLessThan(seriesMax)
})
