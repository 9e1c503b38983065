import { as, call, chargesFor, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { whileLinkIsFaulty } from '@nightshift/load-tests/harness/while-faulty'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { newKey, paymentOf } from './payment-of.ts'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
    links: true,
  })
})
afterAll(() => system?.[Symbol.asyncDispose]())

const callers = 12
const opsMs = 1_000
const servedAgainMs = 5_000
/** What is written to the database is lost, and the connections stand. */
const silent = { type: 'timeout', stream: 'upstream', attributes: { timeout: 0 } } as const

async function timed<T>(work: Promise<T>): Promise<{ answer: T; tookMs: number }> {
  const startedMs = performance.now()
  const answer = await work
  return { answer, tookMs: performance.now() - startedMs }
}

test('while the database is silent callers are told to come back, and then they are served', async () => {
  const [body, key] = [paymentOf(), newKey()]
  const pay = (withBody: object, withKey: string) =>
    call('POST', `${system.urls.payments}/v1/payments`, {
      headers: as(system, 'acme', withKey),
      body: withBody,
    })
  expect((await pay(paymentOf(), newKey())).status).toBe(201)

  await whileLinkIsFaulty({ system }, 'payments-postgres', silent, async () => {
    const others = Array.from({ length: callers - 1 }, () => timed(pay(paymentOf(), newKey())))
    const asked = Promise.all([timed(pay(body, key)), ...others])
    const health = ['live', 'ready'].map(probe =>
      timed(call('GET', `${system.urls.paymentsOperations}/health/${probe}`)),
    )
    for (const { answer, tookMs } of await Promise.all(health)) {
      expect(answer.status).toBe(200)
      expect(tookMs).toBeLessThan(opsMs)
    }
    for (const { answer, tookMs } of await asked) {
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(tookMs).toBeLessThan(limits.http.requestBudgetMs)
    }
  })

  const served = async () => ((await pay(body, key)).status === 201 ? true : undefined)
  await eventually('the payment is made under its key', served, servedAgainMs)
  expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
})
