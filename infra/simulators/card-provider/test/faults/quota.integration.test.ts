import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { newPayment, openProviders } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())
beforeEach(async () => {
  await provider.resetSettings()
})

/** Reads all lines about refusals. */
async function refusalLines(name = 'provider.jsonl'): Promise<{ count: number; since: string }[]> {
  const text = await readFile(providers.file(name), 'utf8')
  const lines = text.trimEnd().split('\n')
  return lines.map(line => JSON.parse(line)).filter(({ type }) => type === 'requests.refused')
}

async function refusalCount(name?: string): Promise<number> {
  return (await refusalLines(name)).reduce((sum, { count }) => sum + count, 0)
}

test('beyond the quota a charge has no effect, and its 429 says when to retry', async () => {
  await provider.changeSettings({ quotaPerSecond: 1, quotaBurst: 2 })
  const payments = [newPayment(), newPayment(), newPayment()] as const
  const answers = []
  for (const payment of payments) answers.push(await provider.charge(payment))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
  const { headers, body } = answers[2] ?? expect.fail('three answers')
  expect(headers.get('retry-after')).toBe('1')
  expect(headers.get('stripe-should-retry')).toBe('true')
  expect(body.error).toMatchObject({ type: 'invalid_request_error', code: 'rate_limit' })
  expect(await provider.typesOf(payments[2])).toEqual([])

  await provider.resetSettings()
  expect((await provider.charge(payments[2], { amount: '500' })).status).toBe(200)
})

test('replays count against the quota, and reads do not', async () => {
  const payment = newPayment()
  const { body } = await provider.charge(payment)
  await provider.changeSettings({ quotaPerSecond: 1 })
  expect((await provider.charge(payment)).status).toBe(200)
  expect((await provider.charge(payment)).status).toBe(429)
  expect((await provider.get(`/v1/payment_intents/${body.id}`)).status).toBe(200)
})

test('the provider log counts all refusals within about a second', async () => {
  const before = await refusalCount()
  await provider.changeSettings({ quotaPerSecond: 1, quotaBurst: 1 })
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => provider.charge(newPayment())),
  )
  const refused = answers.filter(({ status }) => status === 429).length
  expect(refused).toBeGreaterThan(90)
  await waitUntil(
    'the refusals are written',
    async () => (await refusalCount()) - before === refused,
  )
  expect(Date.parse((await refusalLines()).at(-1)?.since ?? '')).toBeGreaterThan(0)
})

test('a change of the settings and SIGTERM write the refusals so far', async () => {
  const name = 'stopped.jsonl'
  const stopped = await providers.start(name)
  const payment = newPayment()
  await stopped.changeSettings({ quotaPerSecond: 1 })
  await stopped.charge(payment)
  await stopped.charge(payment)
  await stopped.changeSettings({ latencyMs: 1 })
  expect(await refusalCount(name)).toBe(1)
  await stopped.changeSettings({ quotaPerSecond: 1, quotaBurst: 1 })
  await stopped.charge(payment)
  await stopped.charge(payment)
  expect(await stopped.stop()).toBe(0)
  expect(await refusalCount(name)).toBeGreaterThanOrEqual(2)
})

test('a refused request draws no random number, so the n-th admitted request meets the n-th faults', async () => {
  async function declined(quota: object): Promise<number[]> {
    await provider.changeSettings({ seed: 7, declineRate: 0.5, ...quota })
    const statuses = []
    for (let n = 0; n < 12; n++) statuses.push((await provider.charge(newPayment())).status)
    return statuses.filter(status => status !== 429)
  }
  const all = await declined({})
  const some = await declined({ quotaPerSecond: 1, quotaBurst: 4 })
  expect(some.length).toBeLessThan(12)
  expect(some).toEqual(all.slice(0, some.length))
})
