import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { openProviders, unique } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())
beforeEach(async () => {
  await provider.rest()
})

/** All refusals that were ever written down. */
async function refused(name = 'provider.jsonl'): Promise<{ count: number; since: string }[]> {
  const text = await readFile(providers.file(name), 'utf8')
  const lines = text.trimEnd().split('\n')
  return lines.map(line => JSON.parse(line)).filter(({ type }) => type === 'requests.refused')
}

async function refusedCount(name?: string): Promise<number> {
  return (await refused(name)).reduce((sum, { count }) => sum + count, 0)
}

test('beyond the quota a charge is a 429 that says when to come back, and nothing else happens', async () => {
  await provider.turn({ quotaPerSecond: 1, quotaBurst: 2 })
  const payments = [unique(), unique(), unique()] as const
  const answers = []
  for (const payment of payments) answers.push(await provider.charge(payment))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
  const { headers, body } = answers[2] ?? expect.fail('three answers')
  expect(headers.get('retry-after')).toBe('1')
  expect(headers.get('stripe-should-retry')).toBe('true')
  expect(body.error).toMatchObject({ type: 'invalid_request_error', code: 'rate_limit' })
  expect(await provider.providerLogOf(payments[2])).toEqual([])

  await provider.rest()
  expect((await provider.charge(payments[2], { amount: '500' })).status).toBe(200)
})

test('replays count, reads do not', async () => {
  const payment = unique()
  const { body } = await provider.charge(payment)
  await provider.turn({ quotaPerSecond: 1 })
  expect((await provider.charge(payment)).status).toBe(200)
  expect((await provider.charge(payment)).status).toBe(429)
  expect((await provider.get(`/v1/payment_intents/${body.id}`)).status).toBe(200)
})

test('the refused are counted in the provider log, all of them, within about a second', async () => {
  const before = await refusedCount()
  await provider.turn({ quotaPerSecond: 1, quotaBurst: 1 })
  const answers = await Promise.all(Array.from({ length: 100 }, () => provider.charge(unique())))
  const asked = answers.filter(({ status }) => status === 429).length
  expect(asked).toBeGreaterThan(90)
  await waitUntil('they are written', async () => (await refusedCount()) - before === asked)
  expect(Date.parse((await refused()).at(-1)?.since ?? '')).toBeGreaterThan(0)
})

test('a turn of the settings and SIGTERM write down what was counted until then', async () => {
  const name = 'stopped.jsonl'
  const stopped = await providers.start(name)
  const payment = unique()
  await stopped.turn({ quotaPerSecond: 1 })
  await stopped.charge(payment)
  await stopped.charge(payment)
  await stopped.turn({ latencyMs: 1 })
  expect(await refusedCount(name)).toBe(1)
  await stopped.turn({ quotaPerSecond: 1, quotaBurst: 1 })
  await stopped.charge(payment)
  await stopped.charge(payment)
  expect(await stopped.stop()).toBe(0)
  expect(await refusedCount(name)).toBeGreaterThanOrEqual(2)
})

test('a refused request throws no dice: who is let in meets the luck of its place', async () => {
  async function declined(quota: object): Promise<number[]> {
    await provider.turn({ seed: 7, declineRate: 0.5, ...quota })
    const statuses = []
    for (let n = 0; n < 12; n++) statuses.push((await provider.charge(unique())).status)
    return statuses.filter(status => status !== 429)
  }
  const all = await declined({})
  const some = await declined({ quotaPerSecond: 1, quotaBurst: 4 })
  expect(some.length).toBeLessThan(12)
  expect(some).toEqual(all.slice(0, some.length))
})
