import { as, call, chargesFor, setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { expect, inject, test } from 'vitest'
import { newKey, paymentOf } from './payment-of.ts'

test('the variant cache-then-charge stores no timeout, so the next attempt charges again', async () => {
  await using system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
    env: { payments: { PATTERN_IDEMPOTENCY_KEY: 'cache-then-charge' } },
  })
  const [body, key] = [paymentOf(), newKey()]
  const pay = () => {
    const headers = as(system, 'acme', key)
    return call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
  }
  await setProviderFaults(system, { silence: 'after' })
  const first = await pay()
  expect([first.status, first.json.type]).toEqual([504, '/problems/provider-timeout'])
  await setProviderFaults(system, { silence: 'none' })
  const second = await pay()
  expect(second.status).toBe(201)
  expect(second.headers.get('idempotency-replayed')).toBeNull()
  expect(await chargesFor(system, body.publicationId)).toHaveLength(2)
  expect((await pay()).text).toBe(second.text)
})
