import { as, call, chargesFor } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { newKey, paymentOf } from './payment-of.ts'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['card-provider', 'payments'] })
})
afterAll(() => system[Symbol.asyncDispose]())

function post(path: string, body: object, key: string, budgetMs: number) {
  const headers = { ...as(system, 'acme', key), 'x-request-timeout-ms': String(budgetMs) }
  return call('POST', `${system.urls.payments}${path}`, { headers, body })
}

const enoughMs = limits.http.requestBudgetMs

describe.each([0, limits.beginMinMs - 1])('with %i ms before the deadline', tooLittleMs => {
  test('no payment is begun, and the key stays unused', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const refused = await post('/v1/payments', body, key, tooLittleMs)
    expect([refused.status, refused.json.type]).toEqual([503, '/problems/overloaded'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    const { json } = await call('GET', `${system.urls.payments}/v1/payments?status=pending`, {
      headers: as(system, 'acme'),
    })
    expect(json.payments).toEqual([])
    const other = { ...body, amountCents: 100 }
    expect((await post('/v1/payments', other, key, enoughMs)).status).toBe(201)
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('no refund is begun, and the key stays unused', async () => {
    const { paymentId } = (await post('/v1/payments', paymentOf(), newKey(), enoughMs)).json
    const [path, key] = [`/v1/payments/${paymentId}/refunds`, newKey()]
    const refused = await post(path, { reason: 'duplicate' }, key, tooLittleMs)
    expect([refused.status, refused.json.type]).toEqual([503, '/problems/overloaded'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    const headers = as(system, 'acme')
    const { json } = await call('GET', `${system.urls.payments}${path}`, { headers })
    expect(json.refunds).toEqual([])
    const other = { reason: 'duplicate', amountCents: 100 }
    expect((await post(path, other, key, enoughMs)).status).toBe(201)
  })
})
